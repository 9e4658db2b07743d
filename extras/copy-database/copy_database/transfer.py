"""The copy itself: one transaction, which is committed only if both sides were found to be the same."""

import re
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from copy_database.columns import Digest
from copy_database.databases import (
    autoincrement_of,
    count,
    dialect_of,
    relaxed,
    set_auto_increment,
    set_sequences,
)
from copy_database.plan import Plan, Row, Table, name_row, report_structure
from copy_database.report import DOES_NOT_FIT, CopyError, Reporter
from copy_database.values import UnfitError

# What is in memory at a time: this many rows, or this many bytes of text and BLOBs, whichever is less.
BATCH_ROWS = 1000
BATCH_BYTES = 4_000_000


@dataclass
class Transfer:
    """Checks, copies, compares and commits. The database itself rolls back what was not committed."""

    source: sa.Connection
    target: sa.Connection
    plan: Plan
    report: Reporter
    # Whether a value that is more exact than its column is rounded.
    rounds: bool

    def check(self) -> int:
        """Converts every value. Returns the number of rows; raises CopyError where something does not fit."""
        report_structure(self.source, self.plan, self.report)
        rows = sum(sum(1 for _ in self._converted(table, "checking")) for table in self.plan.tables)
        self._stop_at_findings()
        for table in self.plan.tables:
            for column in table.columns:
                if column.rounded:
                    self.report.emit("rounded", table=table.name, column=column.name, count=column.rounded)
        return rows

    def copy(self, *, replace: bool) -> None:
        """Copies. With ``replace`` it first deletes what is there, in the same transaction."""
        target, tables = self.target, self.plan.tables
        is_postgres = dialect_of(target) == "postgresql"
        given = [autoincrement_of(self.source, table.name) for table in tables]
        target.rollback()
        with target.begin():
            with relaxed(target, [table.target for table in tables], self.plan.circular):
                if replace:
                    for table in reversed(tables):
                        target.execute(sa.delete(sa.table(table.name)))
                sent = [self._send(table) for table in tables]
            for table, last, (digest, largest) in zip(tables, given, sent, strict=True):
                if is_postgres:
                    set_sequences(target, table.target, last)
                self._compare(table, digest, largest)
            # Too late to stop: after an interrupted commit it would be unknown what the target holds.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
        if not is_postgres:
            for table, last in zip(tables, given, strict=True):
                set_auto_increment(target, table.target, last)

    def _stop_at_findings(self) -> None:
        if self.report.findings:
            self.report.end_of_findings()
            raise CopyError(
                f"Not everything fits ({self.report.findings} found). Nothing was copied.",
                "extras/copy-database/README.md says what to do about each kind.",
                DOES_NOT_FIT,
            )

    def _converted(self, table: Table, step: str) -> Iterator[tuple[Row, Row]]:
        """Key and values of each row as the target takes them. Reports the values that do not fit."""
        total = count(self.source, table.name)
        self.report.progress(step, table.name, 0, total)
        for done, (key, raw) in enumerate(table.rows(self.source), start=1):
            row = []
            for column, value in zip(table.columns, raw, strict=True):
                try:
                    row.append(None if value is None else column.convert(value))
                except UnfitError as error:
                    row.append(error.rounded)
                    if self.rounds and error.rounded is not None:
                        column.rounded += 1
                    else:
                        name = name_row(table.key, key)
                        self.report.finding(table.name, name, column.name, error.kind, str(error))
            yield key, row
            self.report.progress(step, table.name, done, total)

    def _send(self, table: Table) -> tuple[Digest, int]:
        """Writes one table. Returns the hash of what was written, and the size of the largest row."""
        names = [column.name for column in table.columns]
        # Columns without a type: the values are what the driver takes, and nothing changes them on the way.
        insert = sa.insert(sa.table(table.name, *map(sa.column, names)))
        digest, largest = Digest(table.columns), 0
        for batch in _batches(self._converted(table, "copying")):
            self._insert(table, insert, batch)
            for _, row in batch:
                digest.add(row)
                largest = max(largest, _size(row))
        # Rows that refer to a refused row would be refused too, and those findings would say nothing new.
        self._stop_at_findings()
        return digest, largest

    def _insert(self, table: Table, insert: sa.Insert, rows: Sequence[tuple[Row, Row]]) -> None:
        """Writes these rows. If the target refuses a batch, finds the rows that are refused on their own."""
        names = [column.name for column in table.columns]
        try:
            with self.target.begin_nested():
                self.target.execute(insert, [dict(zip(names, row, strict=True)) for _, row in rows])
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise
            if len(rows) > 1:
                middle = len(rows) // 2
                self._insert(table, insert, rows[:middle])
                self._insert(table, insert, rows[middle:])
            else:
                self.report.finding(table.name, name_row(table.key, rows[0][0]), "", "refused", _words(error))

    def _compare(self, table: Table, sent: Digest, largest: int) -> None:
        """Reads the table back. Raises CopyError where it is not what was sent."""
        is_postgres = dialect_of(self.target) == "postgresql"
        columns = [sa.column(column.name) for column in table.columns]
        # psycopg would turn JSON into objects, and round its numbers.
        wanted = [
            sa.cast(at, sa.Text) if is_postgres and column.is_json else at
            for at, column in zip(columns, table.columns, strict=True)
        ]
        query = sa.select(*wanted).select_from(sa.table(table.name))
        # Reading takes no more memory at once than writing did.
        buffer = max(1, min(BATCH_ROWS, BATCH_BYTES // (largest + 1)))
        options = {"stream_results": True, "max_row_buffer": buffer}
        found = Digest(table.columns)
        for raw in self.target.execute(query, execution_options=options):
            pairs = zip(table.columns, raw, strict=True)
            try:
                found.add([None if value is None else column.convert(value) for column, value in pairs])
            except UnfitError:
                # No such value was sent, so the hashes must differ.
                found.add([None] * len(table.columns))
            self.report.progress("comparing", table.name, found.rows, sent.rows)
        if (found.rows, found.hexdigest()) != (sent.rows, sent.hexdigest()):
            raise CopyError(
                f"{table.name} is not the same on both sides: {sent.rows} rows with the hash "
                f"{sent.hexdigest()[:16]} were sent, {found.rows} with {found.hexdigest()[:16]} are there.",
                "Nothing was written. Does a trigger or another program write into the target?",
            )
        self.report.emit("table", table=table.name, rows=found.rows, hash=found.hexdigest())


def _size(row: Row) -> int:
    return sum(len(value) for value in row if isinstance(value, (str, bytes)))


def _batches(rows: Iterable[tuple[Row, Row]]) -> Iterator[list[tuple[Row, Row]]]:
    batch: list[tuple[Row, Row]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += _size(row[1])
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _words(error: sa.exc.DBAPIError) -> str:
    """The target's message without the row's values: PostgreSQL's second line, MariaDB's quotes."""
    words: Any = error.orig.args[-1] if error.orig and error.orig.args else error.orig
    first = str(words).strip().partition("\n")[0]
    return re.sub(r"(entry|value:) '.*' for ", r"\1 … for ", first)
