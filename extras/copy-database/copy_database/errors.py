"""What ends a copy, and the exit code that says so."""

from typing import Any

FAILED = 1
MIGRATION_FAILED = 6
DOES_NOT_FIT = 8


class CopyError(Exception):
    """A failure that can be expected: a sentence, what to do about it, an exit code."""

    def __init__(self, message: str, hint: str = "", exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


class UnfitError(Exception):
    """A value that its column in the target would refuse, or change.

    ``kind`` is a word of extras/copy-database/README.md. ``rounded`` is what the column would keep of a value that
    is only more exact than it.
    """

    def __init__(self, kind: str, text: str, rounded: Any = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.rounded = rounded
