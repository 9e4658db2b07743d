"""The copy itself: one transaction, which ends in a commit only when both sides were found to be the same."""

import hashlib
import json
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from copy_database.check import Plan, Table, count
from copy_database.databases import (
    Constraints,
    autoincrement_of,
    dialect_of,
    set_auto_increment,
    set_sequences,
)
from copy_database.report import DOES_NOT_FIT, CopyError, Finding, Reporter
from copy_database.values import EPOCH, EXACT

# What is in memory at a time: so many rows, or so many bytes of text and BLOBs, whatever is less.
BATCH_ROWS = 1000
BATCH_BYTES = 4_000_000

Canonical = Callable[[Any], str]
MODULUS = 2**256


def _number(value: Any) -> str:
    number = Decimal(value)
    return str(EXACT.normalize(number)) if number else "0"


def _moment(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return str(value)


def _clock(value: Any) -> str:
    # PyMySQL has no time of the day, only a length of time.
    if isinstance(value, timedelta):
        value = (EPOCH + value).time()
    return value.isoformat() if isinstance(value, time) else str(value)


def _document(value: Any) -> str:
    # jsonb writes numbers and the order of keys in its own way.
    parsed = json.loads(value, parse_float=_json_number, parse_int=_json_number)
    return json.dumps(parsed, sort_keys=True)


def _json_number(digits: str) -> str:
    return f"\0{_number(digits)}"


CANONICAL: dict[str, Canonical] = {
    "boolean": lambda value: str(int(value)),
    "integer": str,
    "decimal": _number,
    # Zero has a sign in some databases.
    "float": lambda value: repr(float(value) + 0.0),
    "text": str,
    # Blanks at the end of a CHAR mean nothing: PostgreSQL adds them, MariaDB takes them away.
    "char": lambda value: str(value).rstrip(" "),
    "bytes": lambda value: bytes(value).hex(),
    "moment": _moment,
    "day": str,
    "clock": _clock,
    "interval": lambda value: str(value / timedelta(microseconds=1)),
    "json": _document,
    "uuid": str,
    "other": str,
}


class Digest:
    """The hash of a set of rows, in whatever order they come."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._canonical = [CANONICAL[kind] for kind in kinds]
        self._sum = 0
        self.rows = 0

    def add(self, row: Sequence[Any]) -> None:
        """Adds one row."""
        # Lengths in front: ("a", "bc") must not be ("ab", "c"), and no value can look like a NULL.
        pairs = zip(self._canonical, row, strict=True)
        parts = (None if value is None else write(value) for write, value in pairs)
        line = "".join("N" if part is None else f"{len(part)}:{part}" for part in parts)
        digest = hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % MODULUS
        self.rows += 1

    def hexdigest(self) -> str:
        """The hash as it is shown."""
        return f"{self._sum:064x}"


@dataclass
class Sent:
    """What was written into one table."""

    digest: Digest
    # Rows of the target that may be read at once without taking more memory than writing them did.
    rows_at_once: int


def transfer(
    source: sa.Connection, target: sa.Connection, plan: Plan, report: Reporter, *, replace: bool
) -> dict[str, int]:
    """Copies, compares and commits. With ``replace`` what is there goes first. Returns rows by table.

    Whatever stops it, the target is as before: the database itself takes back what was not committed.
    """
    given = {table.name: autoincrement_of(source, table.name) for table in plan.tables}
    constraints = Constraints(target, [table.target for table in plan.tables], plan.circular)
    target.rollback()
    with target.begin():
        constraints.relax()
        if replace:
            for table in reversed(plan.tables):
                target.execute(sa.delete(sa.table(table.name)))
        sent = {table.name: _copy(source, target, table, report) for table in plan.tables}
        constraints.restore()
        for table in plan.tables:
            if dialect_of(target) == "postgresql":
                set_sequences(target, table.target, given[table.name])
            _compare(target, table, sent[table.name], report)
        # Too late to stop: a commit that was half waited for would leave nobody knowing what is there.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    if dialect_of(target) == "mysql":
        for table in plan.tables:
            set_auto_increment(target, table.target, given[table.name])
    return {name: one.digest.rows for name, one in sent.items()}


def _size(row: Sequence[Any]) -> int:
    return sum(len(value) for value in row if isinstance(value, (str, bytes)))


def _batches(rows: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    batch: list[list[Any]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += _size(row)
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _copy(source: sa.Connection, target: sa.Connection, table: Table, report: Reporter) -> Sent:
    total = count(source, table.name)
    names = [column.name for column in table.columns]
    # Columns without a type: the values are what the driver takes, and nothing changes them on the way.
    insert = sa.insert(sa.table(table.name, *[sa.column(name) for name in names]))
    sent = Sent(Digest([column.kind for column in table.columns]), BATCH_ROWS)
    converters = [column.convert for column in table.columns]
    rows = (
        [convert(raw) for convert, raw in zip(converters, row, strict=True)] for _, row in table.rows(source)
    )
    for batch in _batches(rows):
        records = [dict(zip(names, row, strict=True)) for row in batch]
        try:
            with target.begin_nested():
                target.execute(insert, records)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise
            _find_refused(target, insert, records, table, report)
            raise
        for row in batch:
            sent.digest.add(row)
        sent.rows_at_once = min(sent.rows_at_once, _rows_at_once(batch))
        report.progress("copying", table.name, sent.digest.rows, total)
    if total == 0:
        report.progress("copying", table.name, 0, 0)
    return sent


def _rows_at_once(batch: Sequence[Sequence[Any]]) -> int:
    largest = max(_size(row) for row in batch)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // (largest + 1)))


def _find_refused(
    target: sa.Connection, insert: sa.Insert, records: list[dict[str, Any]], table: Table, report: Reporter
) -> None:
    """Of a batch that was refused, names the first row that is refused by itself. Raises CopyError."""
    for record in records:
        try:
            with target.begin_nested():
                target.execute(insert, record)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise
            key = ", ".join(f"{name}={record.get(name, '?')}" for name in table.key)
            report.finding(Finding(table.name, key, "", "refused", " ".join(str(error.orig).split())))
            raise CopyError("The target has refused a row.", "Nothing was written.", DOES_NOT_FIT) from error


def _compare(target: sa.Connection, table: Table, sent: Sent, report: Reporter) -> None:
    """Reads the table back. Raises CopyError where it is not what was sent."""
    is_postgres = dialect_of(target) == "postgresql"
    columns = [
        # psycopg would make objects of it, and round its numbers.
        sa.cast(sa.column(column.name), sa.Text) if column.kind == "json" and is_postgres
        else sa.column(column.name)
        for column in table.columns
    ]  # fmt: skip
    there = Digest([column.kind for column in table.columns])
    options = {"stream_results": True, "max_row_buffer": sent.rows_at_once}
    query = sa.select(*columns).select_from(sa.table(table.name))
    for row in target.execute(query, execution_options=options):
        there.add(row)
        if there.rows % 1000 == 0:
            report.progress("comparing", table.name, there.rows, sent.digest.rows)
    here = sent.digest
    if (there.rows, there.hexdigest()) != (here.rows, here.hexdigest()):
        raise CopyError(
            f"{table.name} is not the same on both sides: {here.rows} rows with the hash "
            f"{here.hexdigest()[:16]} were sent, {there.rows} with {there.hexdigest()[:16]} are there.",
            "Nothing was written. Does a trigger, or somebody else, write into the target?",
        )
    line = f"{table.name}: {there.rows} rows, the same on both sides ({there.hexdigest()[:16]})"
    report.emit("table", line, table=table.name, rows=there.rows, hash=there.hexdigest())
