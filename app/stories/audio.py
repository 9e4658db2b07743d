"""Joining recordings."""

import io
import wave
from typing import IO, Self

from stories.narrators import NarratorError


class WavJoiner:
    """Writes one WAV after the other into one file, so that memory holds only the current one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._out: wave.Wave_write | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._out:
            self._out.close()  # completes the header with the length

    def append(self, recording: bytes) -> None:
        """Add a recording; it must be like the ones before: channels, sample width and rate."""
        try:
            with wave.open(io.BytesIO(recording)) as piece:
                params = piece.getparams()
                # A narrator that streams has no true length in its header: this reads to the end.
                frames = piece.readframes(params.nframes)
        except (wave.Error, EOFError) as error:
            raise NarratorError(f"The narrator returned no WAV recording: {error!r}.") from error
        if self._out is None:
            self._out = wave.Wave_write(self._file)
            self._out.setparams(params._replace(nframes=0))
        elif self._out.getparams()[:3] != params[:3]:
            raise NarratorError(
                f"The narrator changed its format within a story: {self._out.getparams()[:3]}, "
                f"then {params[:3]} (channels, sample width, rate)."
            )
        self._out.writeframesraw(frames)
