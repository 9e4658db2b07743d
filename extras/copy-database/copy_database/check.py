"""The pass before the first row is written: every value, every reference, all that has to be unique."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from docker_roles.copy_database.errors import UnfitError
from docker_roles.copy_database.plan import Plan, Table
from docker_roles.copy_database.report import Finding, Reporter
from docker_roles.copy_database.unique import duplicates


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
    return sa.table(name, *[sa.column(column) for column in columns]).alias(alias)


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
