"""Before the first row is written: which tables in which order, and what would be refused or changed."""

import unicodedata
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import sort_tables_and_constraints

from copy_database.columns import Column, column_for
from copy_database.databases import dialect_of
from copy_database.report import CopyError, Finding, Reporter, UnfitError


@dataclass
class Table:
    """One table that is copied."""

    name: str
    columns: list[Column]
    key: list[str]  # the columns that name a row to a person
    target: sa.Table  # the source's, where the target has none yet
    source: sa.Table

    def rows(self, connection: sa.Connection) -> Iterator[tuple[Sequence[Any], Sequence[Any]]]:
        """Key and values of each row as SQLite has them. One row at a time is in memory."""
        # Columns without a type: nothing is converted on the way.
        names = [*self.key, *(column.name for column in self.columns)]
        query = sa.select(*[sa.column(name) for name in names]).select_from(sa.table(self.name))
        for row in connection.execute(query):
            yield row[: len(self.key)], row[len(self.key) :]

    def name_row(self, key: Sequence[Any]) -> str:
        """The row as it is reported: ``id=17``."""
        return ", ".join(f"{name}={value}" for name, value in zip(self.key, key, strict=True))


@dataclass
class Plan:
    """What is to be done."""

    tables: list[Table] = field(default_factory=list)  # parents before children
    # Foreign keys that no order satisfies: to the table itself, or in a circle.
    circular: list[sa.ForeignKeyConstraint] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def is_version_table(table: sa.Table) -> bool:
    """Alembic's, whatever its name: the migrations have filled it already."""
    return [column.name for column in table.columns] == ["version_num"]


@dataclass(frozen=True)
class Options:
    """What the plan depends on beside the tables."""

    # As column_for wants it.
    dialect: str
    skip: Collection[str]
    rounds: bool


def make_plan(connection: sa.Connection, source: sa.MetaData, target: sa.MetaData, options: Options) -> Plan:
    """Goes through the tables of the source. Raises CopyError for a name to skip that none of them has."""
    strangers = set(options.skip) - set(source.tables)
    if strangers:
        raise CopyError(f"There is no table {', '.join(sorted(strangers))} to skip in the source.")
    plan = Plan()
    with warnings.catch_warnings():
        # "Cannot sort": that is what the list of circular keys is for.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        ordered = list(sort_tables_and_constraints(target.tables.values()))  # type: ignore[no-untyped-call]
    for table, keys in ordered:
        if table is None:
            plan.circular += keys
            continue
        plan.circular += [key for key in table.foreign_key_constraints if key.referred_table is table]
        if table.name in source.tables and table.name not in options.skip and not is_version_table(table):
            plan.tables.append(_table(source.tables[table.name], table, options, plan.findings))
    for table in source.tables.values():
        if table.name in target.tables or table.name in options.skip or is_version_table(table):
            continue
        count = connection.execute(sa.select(sa.func.count()).select_from(sa.table(table.name))).scalar_one()
        if count:
            plan.findings.append(
                Finding(table.name, "", "", "missing", f"the target has no such table, for {count} rows")
            )
    copied = {table.name for table in plan.tables}
    plan.circular = [key for key in plan.circular if key.table.name in copied]
    return plan


def _table(source: sa.Table, target: sa.Table, options: Options, findings: list[Finding]) -> Table:
    columns = []
    for column in target.columns:
        if column.computed is not None:
            continue
        if column.name in source.columns:
            here = source.columns[column.name]
            columns.append(column_for(here, column, options.dialect, rounds=options.rounds))
        elif not column.nullable and column.server_default is None and column.identity is None:
            findings.append(Finding(target.name, "", column.name, "missing", "the source has no such column"))
    strangers = [name for name in source.columns.keys() if name not in target.columns]  # noqa: SIM118
    findings += [
        Finding(target.name, "", name, "missing", "the target has no such column") for name in strangers
    ]
    key = [column.name for column in source.primary_key.columns] or ["rowid"]
    return Table(target.name, columns, key, target, source)


def count(connection: sa.Connection, table: str) -> int:
    """How many rows a table has."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one())


def check(source: sa.Connection, target: sa.Connection, plan: Plan, report: Reporter) -> None:
    """Reports all that would be refused, and all that would be changed."""
    for finding in plan.findings:
        report.finding(finding)
    for table in plan.tables:
        _check_values(source, table, report)
        for finding in _orphans(source, table, {other.name for other in plan.tables}):
            report.finding(finding)
        for finding in duplicates(source, target, table):
            report.finding(finding)
    report.end_of_findings()
    for table in plan.tables:
        for column in table.columns:
            if column.rounded:
                line = f"{table.name}.{column.name}: rounded to what it keeps, {column.rounded} times"
                report.emit("rounded", line, table=table.name, column=column.name, count=column.rounded)


def _check_values(source: sa.Connection, table: Table, report: Reporter) -> None:
    total = count(source, table.name)
    done = 0
    for done, (key, row) in enumerate(table.rows(source), start=1):
        for column, raw in zip(table.columns, row, strict=True):
            try:
                column.convert(raw)
            except UnfitError as error:
                report.finding(Finding(table.name, table.name_row(key), column.name, error.kind, str(error)))
        if done % 1000 == 0:
            report.progress("checking", table.name, done, total)
    report.progress("checking", table.name, done, total)


def _alias(name: str, columns: Iterable[str], alias: str) -> Any:
    return sa.table(name, *map(sa.column, columns)).alias(alias)


def _orphans(source: sa.Connection, table: Table, copied: set[str]) -> Iterator[Finding]:
    """References to rows that are not there. SQLite looks at them only where the application told it to."""
    for key in table.target.foreign_key_constraints:
        names = [element.parent.name for element in key.elements]
        wanted = [element.column.name for element in key.elements]
        if not set(names) <= set(table.source.columns.keys()):
            continue
        child = _alias(table.name, {*table.key, *names}, "child")
        query = sa.select(*[child.c[name] for name in [*table.key, *names]])
        query = query.where(*[child.c[name].is_not(None) for name in names])
        # The parents of a table that stays behind are nowhere.
        if key.referred_table.name in copied:
            parent = _alias(key.referred_table.name, wanted, "parent")
            same = sa.and_(
                *[parent.c[there] == child.c[here] for here, there in zip(names, wanted, strict=True)]
            )
            query = query.select_from(child.outerjoin(parent, same)).where(parent.c[wanted[0]].is_(None))
        for row in source.execute(query):
            missing = ", ".join(
                f"{there}={value}" for there, value in zip(wanted, row[len(table.key) :], strict=True)
            )
            yield Finding(
                table.name, table.name_row(row[: len(table.key)]), ", ".join(names), "orphan",
                f"refers to {key.referred_table.name} [{missing}], which is not there",
            )  # fmt: skip


def _unique_sets(table: sa.Table) -> set[tuple[str, ...]]:
    """The columns that have to be unique together, where the whole of them has to be."""
    sets = {tuple(column.name for column in table.primary_key.columns)}
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            sets.add(tuple(column.name for column in constraint.columns))
    for index in table.indexes:
        has_condition = index.dialect_options["postgresql"].get("where") is not None
        has_parts = bool(index.dialect_options["mysql"].get("length"))
        has_expressions = len(index.columns) != len(index.expressions)
        if index.unique and not (has_condition or has_parts or has_expressions):
            sets.add(tuple(column.name for column in index.columns))
    return {names for names in sets if names}


def fold(value: bytes) -> str:
    """The coarsest idea of "the same" that any collation has: no case, no accents, no blanks at the end."""
    plain = unicodedata.normalize("NFKD", value.decode(errors="replace")).casefold()
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).rstrip(" ")


def duplicates(source: sa.Connection, target: sa.Connection, table: Table) -> Iterator[Finding]:
    """Rows that the source tells apart and the target does not, as MariaDB with "Bob" and "bob"."""
    collations = _collations(target, table.name) if table.target is not table.source else {}
    source.connection.driver_connection.create_function("fold", 1, fold, deterministic=True)  # type: ignore[union-attr]
    for names in sorted(_unique_sets(table.target)):
        if not set(names) <= set(table.source.columns.keys()):
            continue
        loose = [name for name in names if name in collations]
        if not loose and names in _unique_sets(table.source):
            continue
        rows = sa.table(table.name, *[sa.column(name) for name in {*table.key, *names}])
        # As bytes, because a text that is not UTF-8 would not come as far as Python.
        groups = [sa.func.fold(sa.cast(rows.c[n], sa.BLOB)) if n in loose else rows.c[n] for n in names]
        many = sa.func.count().over(partition_by=groups).label("many")
        labelled = [group.label(f"group_{n}") for n, group in enumerate(groups)]
        filled = [rows.c[name].is_not(None) for name in names]
        inner = sa.select(*rows.c, *labelled, many).where(*filled).subquery()
        order = [inner.c[f"group_{n}"] for n in range(len(groups))]
        query = sa.select(*[inner.c[name] for name in [*table.key, *names]], *order)
        query = query.where(inner.c.many > 1).order_by(*order)
        width = len(table.key)
        for _, group in groupby(source.execute(query), lambda row: tuple(row[width + len(names) :])):  # noqa: B023
            first, *others = list(group)
            for other in others:
                pairs = zip(names, first[width:], other[width:], strict=False)
                if all(_is_same(target, collations.get(name), here, there) for name, here, there in pairs):
                    yield Finding(
                        table.name, table.name_row(other[:width]), ", ".join(names), "duplicate",
                        f"is the same as that of [{table.name_row(first[:width])}] to the target",
                    )  # fmt: skip


def _collations(target: sa.Connection, table: str) -> dict[str, str]:
    """By which collation MariaDB compares each text column of a table. PostgreSQL compares them exactly."""
    if dialect_of(target) == "postgresql":
        return {}
    query = sa.text(
        "SELECT column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = :name AND collation_name IS NOT NULL"
    )
    return {str(name): str(collation) for name, collation in target.execute(query, {"name": table})}


def _is_same(target: sa.Connection, collation: str | None, here: Any, there: Any) -> bool:
    if here == there or collation is None or not isinstance(here, str) or not isinstance(there, str):
        return bool(here == there)
    same = sa.collate(sa.literal(here), collation) == sa.literal(there)
    return bool(target.execute(sa.select(same)).scalar())
