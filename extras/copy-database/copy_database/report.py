"""What the copy says, for people a line each and for the script a JSON object each, and what ends it."""

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

FAILED = 1
MIGRATION_FAILED = 6
DOES_NOT_FIT = 8


class CopyError(Exception):
    """An expected failure: a sentence, what to do about it, an exit code."""

    def __init__(self, message: str, hint: str = "", exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


class UnfitError(Exception):
    """A value that its column in the target would refuse or change.

    ``kind`` is a word of README.md. ``rounded`` is what the column keeps of a value that is only more exact.
    """

    def __init__(self, kind: str, text: str, rounded: Any = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.rounded = rounded


# Of each kind in each column; a column that is wrong throughout would fill the screen.
SHOWN_PER_COLUMN = 20
# Seconds between two words about the same table.
PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class Finding:
    """Something that would be refused or changed on the way."""

    table: str
    key: str
    column: str
    kind: str
    text: str

    def line(self) -> str:
        """The finding as people read it."""
        row = f" [{self.key}]" if self.key else ""
        return f"{place(self.table, self.column)}{row}: {self.text} ({self.kind})"


def place(table: str, column: str) -> str:
    """A column, or the whole table."""
    return f"{table}.{column}" if column else table


class Reporter:
    """Everything that the copy says goes through here. Nothing that it gets holds a password."""

    def __init__(self, *, as_json: bool, show_all: bool) -> None:
        self._as_json = as_json
        self._show_all = show_all
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._last_progress = 0.0

    @property
    def findings(self) -> int:
        """How many there were, shown or not."""
        return self._seen.total()

    def emit(self, event: str, line: str, **fields: Any) -> None:
        """Says one thing."""
        print(json.dumps({"event": event, "line": line, **fields}) if self._as_json else line, flush=True)

    def finding(self, finding: Finding) -> None:
        """Reports one, unless enough of its kind were shown."""
        kind = (finding.table, finding.column, finding.kind)
        self._seen[kind] += 1
        if self._show_all or self._seen[kind] <= SHOWN_PER_COLUMN:
            self.emit("finding", finding.line(), **asdict(finding))

    def end_of_findings(self) -> None:
        """Says how many more there were than were shown."""
        if self._show_all:
            return
        for (table, column, kind), count in self._seen.items():
            more = count - SHOWN_PER_COLUMN
            if more > 0:
                line = f"{place(table, column)}: {more} more like these ({kind})"
                self.emit("more", line, table=table, column=column, kind=kind, count=more)

    def progress(self, step: str, table: str, done: int, total: int) -> None:
        """How far a table is. Says nothing when it said so a moment ago."""
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS and done < total:
            return
        self._last_progress = now
        # People read this in a log where nothing is redrawn: the end of each table will do.
        if self._as_json or done >= total:
            line = f"{step} {table}: {done} of {total}"
            self.emit("progress", line, step=step, table=table, done=done, total=total)


def warn(line: str) -> None:
    """Says something beside the events."""
    print(line, file=sys.stderr, flush=True)
