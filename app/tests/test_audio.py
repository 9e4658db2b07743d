"""Joining recordings, and who speaks them."""

import io
import wave

import pytest

from stories import narrators
from stories.audio import WavJoiner
from stories.narrators import NarratorError


def wav(frames: int, rate: int = 22050) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        out.writeframes(b"\1\2" * frames)
    return file.getvalue()


def without_length(recording: bytes) -> bytes:
    """As a program writes it to a pipe: the length in the header is a guess."""
    return recording[:40] + b"\x00\xf0\xff\x7f" + recording[44:]


def test_joined_recordings_are_as_long_as_their_parts() -> None:
    file = io.BytesIO()
    with WavJoiner(file) as joiner:
        joiner.append(wav(100))
        joiner.append(without_length(wav(23)))
    file.seek(0)
    with wave.open(file) as joined:
        assert joined.getnframes() == 123
        assert joined.readframes(200) == b"\1\2" * 123


def test_another_sample_rate_is_refused() -> None:
    with WavJoiner(io.BytesIO()) as joiner:
        joiner.append(wav(1))
        with pytest.raises(NarratorError, match="44100"):
            joiner.append(wav(1, rate=44100))


@pytest.mark.parametrize("recording", [b"", b"RIFF", b"<html>Too many requests</html>"])
def test_what_is_no_wav_is_refused(recording: bytes) -> None:
    with WavJoiner(io.BytesIO()) as joiner, pytest.raises(NarratorError, match="no WAV"):
        joiner.append(recording)


SETTINGS = {"NARRATOR": "", "ELEVENLABS_API_KEY": "", "CARTESIA_API_KEY": ""}


@pytest.mark.parametrize(
    ("settings", "narrator"),
    [
        ({}, "Espeak"),
        ({"ELEVENLABS_API_KEY": "key"}, "ElevenLabs"),
        ({"CARTESIA_API_KEY": "key"}, "Cartesia"),
        ({"CARTESIA_API_KEY": "key", "NARRATOR": "espeak"}, "Espeak"),
    ],
)
def test_choice_of_the_narrator(settings: dict[str, str], narrator: str) -> None:
    assert type(narrators.choose(SETTINGS | settings)).__name__ == narrator


@pytest.mark.parametrize("name", ["elevenlabs", "cartesia"])
def test_a_stub_says_what_to_do(name: str) -> None:
    with pytest.raises(NarratorError, match=f"{name}.py.*unset {name.upper()}_API_KEY"):
        narrators.choose(SETTINGS | {"NARRATOR": name}).narrate("Hello.")


def test_an_unknown_narrator_is_named() -> None:
    with pytest.raises(NarratorError, match="“tenor”"):
        narrators.choose(SETTINGS | {"NARRATOR": "tenor"})


def test_espeak_speaks() -> None:
    with wave.open(
        io.BytesIO(narrators.choose(SETTINGS).narrate("-v is no option. Nor $HOME."))
    ) as spoken:
        assert len(spoken.readframes(10**9)) > spoken.getframerate()  # half a second or more


def test_espeak_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NarratorError, match="apt package espeak-ng"):
        narrators.choose(SETTINGS).narrate("Hello.")
