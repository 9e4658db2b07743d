"""What has to be unique, and is so in the source alone."""

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from docker_roles.copy_database.plan import Table
from docker_roles.copy_database.report import Finding
from docker_roles.copy_database.target import dialect_of


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
