"""Headers, the good and the bad."""

import struct
from pathlib import Path

import pytest

from core import wav

FORMAT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)


def data(promised: int, there: int) -> bytes:
    """A chunk of sound."""
    return b"data" + struct.pack("<I", promised) + bytes(there)


def riff(*chunks: bytes, magic: bytes = b"RIFF") -> bytes:
    """A file."""
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(riff(FORMAT, data(100, 100)), id="plain"),
        pytest.param(riff(FORMAT, b"LIST\x03\0\0\0abc\0", data(100, 100)), id="odd chunk with its padding"),
        pytest.param(riff(FORMAT, data(100, 100), b"id3 \x02\0\0\0ab"), id="chunk behind the sound"),
        pytest.param(riff(FORMAT, data(0xFFFFFFFF, 100)), id="written into a pipe"),
        pytest.param(riff(FORMAT, data(0xFFFFFFFF, 100), magic=b"RF64"), id="RF64"),
    ],
)
def test_takes_what_is_whole(tmp_path: Path, content: bytes) -> None:
    """Also in the forms that some programs write."""
    file = tmp_path / "a.wav"
    file.write_bytes(content)
    wav.check(file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"RIFF", "not a WAV", id="four bytes"),
        pytest.param(b"This is a letter, not a recording.", "not a WAV", id="text"),
        pytest.param(b"ID3\x04" + bytes(100), "not a WAV", id="MP3"),
        pytest.param(b"#EXTM3U\nfile:///etc/passwd\n", "not a WAV", id="playlist"),
        pytest.param(riff(FORMAT), "before its sound begins", id="no sound chunk"),
        pytest.param(riff(FORMAT)[:30], "before its sound begins", id="half a header"),
        pytest.param(riff(FORMAT, data(0, 0)), "no sound in it", id="sound chunk of nothing"),
        pytest.param(
            riff(FORMAT, data(882000, 300)), "of 882,000 bytes of sound 300 are there", id="truncated"
        ),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, content: bytes, sentence: str) -> None:
    """In a sentence for whoever uploaded it."""
    file = tmp_path / "a.wav"
    file.write_bytes(content)
    with pytest.raises(wav.BadRecordingError, match=sentence):
        wav.check(file)
