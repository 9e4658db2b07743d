"""Which tables are copied, in which order, and what is missing. It converts no value."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import sort_tables_and_constraints

from copy_database.columns import Column, column_for
from copy_database.databases import count
from copy_database.report import CopyError, Reporter

Row = Sequence[Any]


@dataclass
class Table:
    """One table that is copied."""

    name: str
    columns: list[Column]
    key: list[str]  # the columns that identify a row in a report
    source: sa.Table
    target: sa.Table  # the source's, if the target has none yet

    def rows(self, connection: sa.Connection) -> Iterator[tuple[Row, Row]]:
        """Key and values of each row as SQLite has them. One row at a time is in memory."""
        # Columns without a type: nothing is converted on the way.
        names = [*self.key, *(column.name for column in self.columns)]
        query = sa.select(*[sa.column(name) for name in names]).select_from(sa.table(self.name))
        width = len(self.key)
        for row in connection.execute(query):
            yield row[:width], row[width:]


@dataclass
class Plan:
    """What is to be done."""

    tables: list[Table] = field(default_factory=list)  # parents before children
    # Foreign keys that no order satisfies: to the table itself, or in a circle.
    circular: list[sa.ForeignKeyConstraint] = field(default_factory=list)
    # Tables that the target does not have.
    missing: list[sa.Table] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The tables that are copied."""
        return {table.name for table in self.tables}


def name_row(key: Sequence[str], values: Row) -> str:
    """A row as it is reported: ``id=17``."""
    return ", ".join(f"{name}={value}" for name, value in zip(key, values, strict=True))


def is_version_table(table: sa.Table) -> bool:
    """Whether this is Alembic's table, whatever its name: the migrations have filled it already."""
    return table.columns.keys() == ["version_num"]


def make_plan(here: sa.MetaData, there: sa.MetaData, dialect: str, skip: Collection[str]) -> Plan:
    """Goes through the tables of both sides. ``dialect`` is that of column_for."""
    if strangers := ", ".join(sorted(set(skip) - set(here.tables))):
        raise CopyError(f"There is no table {strangers} to skip in the source.")
    plan = Plan()
    with warnings.catch_warnings():
        # "Cannot sort": the list of circular keys handles that.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        ordered = list(sort_tables_and_constraints(there.tables.values()))  # type: ignore[no-untyped-call]
    for target, keys in ordered:
        if target is None:
            plan.circular += keys
        elif target.name in here.tables and target.name not in skip and not is_version_table(target):
            source = here.tables[target.name]
            columns = [
                column_for(source.columns[column.name], column, dialect)
                for column in target.columns
                if column.computed is None and column.name in source.columns
            ]
            key = [column.name for column in source.primary_key.columns] or ["rowid"]
            plan.tables.append(Table(target.name, columns, key, source, target))
            plan.circular += [one for one in target.foreign_key_constraints if one.referred_table is target]
    plan.circular = [key for key in plan.circular if key.table.name in plan.names]
    plan.missing = [
        table
        for table in here.tables.values()
        if table.name not in there.tables and table.name not in skip and not is_version_table(table)
    ]
    return plan


def report_structure(connection: sa.Connection, plan: Plan, report: Reporter) -> None:
    """Reports what only one side has, and references to rows that are not there."""
    for table in plan.missing:
        if rows := count(connection, table.name):
            report.finding(table.name, "", "", "missing", f"the target has no such table, for {rows} rows")
    for copied in plan.tables:
        here, there = copied.source.columns, copied.target.columns
        for column in there:
            is_given = column.nullable or column.server_default or column.identity or column.computed
            if column.name not in here and not is_given:
                report.finding(copied.name, "", column.name, "missing", "the source has no such column")
        for column in here:
            if column.name not in there:
                report.finding(copied.name, "", column.name, "missing", "the target has no such column")
        _report_orphans(connection, copied, plan.names, report)


def _report_orphans(
    connection: sa.Connection, table: Table, copied: Collection[str], report: Reporter
) -> None:
    """Reports references to missing rows: SQLite checks them only if the application tells it to."""
    for key in table.target.foreign_key_constraints:
        names = [element.parent.name for element in key.elements]
        wanted = [element.column.name for element in key.elements]
        if not set(names) <= set(table.source.columns.keys()):
            continue
        child = sa.table(table.name, *map(sa.column, {*table.key, *names})).alias("child")
        there = sa.table(key.referred_table.name, *map(sa.column, wanted)).alias("parent")
        pairs = zip(names, wanted, strict=True)
        same = sa.and_(*[there.c[parent] == child.c[own] for own, parent in pairs])
        # If the parents' table is not copied, every parent is missing.
        has_parent = sa.exists().where(same) if key.referred_table.name in copied else sa.false()
        query = sa.select(*[child.c[name] for name in [*table.key, *names]]).where(
            *[child.c[name].is_not(None) for name in names], ~has_parent
        )
        width = len(table.key)
        for row in connection.execute(query):
            missing = f"{key.referred_table.name} [{name_row(wanted, row[width:])}]"
            text = f"refers to {missing}, which is not there"
            report.finding(table.name, name_row(table.key, row[:width]), ", ".join(names), "orphan", text)
