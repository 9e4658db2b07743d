"""Which tables are copied, in which order, and what of the source has no place in the target."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import sort_tables_and_constraints

from docker_roles.copy_database.columns import Column, column_for
from docker_roles.copy_database.errors import CopyError
from docker_roles.copy_database.report import Finding


@dataclass
class Table:
    """One table that is copied."""

    name: str
    columns: list[Column]
    # The columns that name a row to a person.
    key: list[str]
    # The target's; the source's where the target has none yet.
    target: sa.Table
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

    # Parents before children.
    tables: list[Table] = field(default_factory=list)
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
    """Goes through the tables of the source. Raises CopyError for a name to skip that is none of them."""
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
    findings += [
        Finding(target.name, "", column.name, "missing", "the target has no such column")
        for column in source.columns
        if column.name not in target.columns
    ]
    key = [column.name for column in source.primary_key.columns] or ["rowid"]
    return Table(target.name, columns, key, target, source)
