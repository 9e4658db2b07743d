"""What every answerer is."""

from collections.abc import Sequence
from typing import Protocol

from agent.reading.briefing import Passage


class ProviderError(Exception):
    """The provider did not answer. `again` says whether a later try may do better."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


class Answerer(Protocol):
    """Turns a question and passages into an answer."""

    name: str

    def answer(self, question: str, passages: Sequence[Passage]) -> str:
        """An answer that says nothing which the passages do not. Raises ProviderError."""
