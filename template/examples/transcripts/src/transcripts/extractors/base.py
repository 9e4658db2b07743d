"""What every extractor is: text in, names and relations out."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class Relation(NamedTuple):
    """Somebody, what they do, and to whom."""

    source: str
    verb: str
    target: str


@dataclass
class Extraction:
    """What was found, with how often."""

    mentions: Counter[str] = field(default_factory=Counter)
    relations: Counter[Relation] = field(default_factory=Counter)


class ExtractorError(Exception):
    """It cannot be done, now or later. The message is a sentence for the user."""


class UnavailableError(ExtractorError):
    """It cannot be done now, and is worth another try."""


class Extractor(Protocol):
    """One way to read a transcript."""

    def extract(self, text: str, key: str, progress: Callable[[int], None]) -> Extraction:
        """Reads the text. The key is the same at every try, so that a service can know it again.

        Progress is told in per cent. Raises ExtractorError.
        """
