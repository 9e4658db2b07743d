"""What the header of a WAV file promises, and whether it is there.

ffmpeg takes a file that was cut off for a shorter one. Whoever uploaded it wants to be told.
"""

import struct
from pathlib import Path

# What stands there when nobody could go back and fill in the length: after writing into a pipe, and in RF64.
UNKNOWN_LENGTH = 0xFFFFFFFF


class BadRecordingError(Exception):
    """The recording is what is wrong. The message is for whoever uploaded it."""


def check(path: Path) -> None:
    """Raises BadRecordingError unless this is a WAV file with all of its sound."""
    size = path.stat().st_size
    if size == 0:
        raise BadRecordingError("The file is empty: upload it again.")
    with path.open("rb") as file:
        magic, kind = struct.unpack("<4s4x4s", file.read(12).ljust(12, b"\0"))
        if magic not in {b"RIFF", b"RF64"} or kind != b"WAVE":
            raise BadRecordingError("The file is not a WAV recording: export it as WAV and upload that.")
        # Chunks follow each other, each with a name and a length; an odd length has a byte of padding.
        while len(header := file.read(8)) == 8:  # noqa: PLR2004
            name, promised = struct.unpack("<4sI", header)
            if name == b"data":
                break
            file.seek(promised + promised % 2, 1)
        else:
            raise BadRecordingError("The file ends before its sound begins: upload it again.")
        there = size - file.tell()
    if there == 0:
        raise BadRecordingError("The recording has no sound in it: record it again.")
    if promised not in {0, UNKNOWN_LENGTH} and promised > there:
        raise BadRecordingError(
            f"The file is truncated: of {promised:,} bytes of sound {there:,} are there. Upload it again."
        )
