"""The interface."""

from typing import Protocol


class NarratorError(Exception):
    """The narrator could not speak, and trying again would not help. One sentence for visitors."""


class Narrator(Protocol):
    def narrate(self, text: str) -> bytes:
        """Speak a few sentences, and return them as a WAV file."""
        ...
