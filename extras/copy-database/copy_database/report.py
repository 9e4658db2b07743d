"""What the copy tells the script that started it, one JSON object a line, and the error that ends it."""

import json
import sys
from collections import Counter
from typing import Any

FAILED = 1
MIGRATION_FAILED = 6
DOES_NOT_FIT = 8
# Findings of each kind in each column. A column that is wrong throughout would fill the screen.
SHOWN_PER_COLUMN = 20
# Rows between two reports of progress in a table.
PROGRESS_ROWS = 1000


class CopyError(Exception):
    """An expected failure: a sentence, what to do about it, an exit code."""

    def __init__(self, message: str, hint: str = "", exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


class Reporter:
    """Everything that the copy says goes through here. Nothing that it gets holds a password."""

    def __init__(self, *, show_all: bool) -> None:
        self._shown = sys.maxsize if show_all else SHOWN_PER_COLUMN
        self._seen: Counter[tuple[str, str, str]] = Counter()

    @property
    def findings(self) -> int:
        """How many there were, shown or not."""
        return self._seen.total()

    def emit(self, event: str, **fields: Any) -> None:
        """Prints one event."""
        print(json.dumps({"event": event, **fields}), flush=True)

    def finding(self, table: str, key: str, column: str, kind: str, text: str) -> None:
        """Reports something that would be refused or changed, unless enough of its kind were shown."""
        self._seen[table, column, kind] += 1
        if self._seen[table, column, kind] <= self._shown:
            row = f" [{key}]" if key else ""
            line = f"{_place(table, column)}{row}: {text} ({kind})"
            self.emit("finding", line=line, table=table, key=key, column=column, kind=kind, text=text)

    def end_of_findings(self) -> None:
        """Reports how many findings were not shown."""
        for (table, column, kind), count in self._seen.items():
            if count > self._shown:
                more = count - self._shown
                self.emit(
                    "more", line=f"{_place(table, column)}: {more} more like these ({kind})", count=more
                )

    def progress(self, step: str, table: str, done: int, total: int) -> None:
        """Reports how far a table is."""
        if done % PROGRESS_ROWS == 0 or done == total:
            self.emit("progress", step=step, table=table, done=done, total=total)


def _place(table: str, column: str) -> str:
    return f"{table}.{column}" if column else table
