"""What the copy says: for people a line each, for the script a JSON object each."""

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

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
    """The one way out for words. Nothing that it gets holds a password."""

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
        """Reports one, unless there were enough of its kind."""
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
                self.emit(
                    "more",
                    f"{place(table, column)}: {more} more like these ({kind})",
                    table=table,
                    column=column,
                    kind=kind,
                    count=more,
                )

    def progress(self, step: str, table: str, done: int, total: int) -> None:
        """How far a table is. Says nothing when it said so a moment ago."""
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS and done < total:
            return
        self._last_progress = now
        # People read this in a log where nothing is redrawn: the end of each table will do.
        if self._as_json or done >= total:
            self.emit(
                "progress",
                f"{step} {table}: {done} of {total}",
                step=step,
                table=table,
                done=done,
                total=total,
            )


def warn(line: str) -> None:
    """Says something beside the events."""
    print(line, file=sys.stderr, flush=True)
