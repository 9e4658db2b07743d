"""The two databases: the SQLite file that is read, and the server that is copied into."""

import re
import sqlite3
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.engine import make_url

from copy_database.report import CopyError
from copy_database.values import Undecodable

# Seconds to wait for a program that is writing.
BUSY_SECONDS = 30


def _decode(text: bytes) -> str | Undecodable:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return Undecodable(text)


@contextmanager
def open_source(url: str) -> Iterator[sa.Connection]:
    """A connection that sees one snapshot, even if others write meanwhile, and writes nothing itself.

    Values come as SQLite stores them: whatever type the column declares, a date may be a number here.
    """
    path = Path(make_url(url).database or "").absolute()
    if not path.is_file():
        hint = "Four slashes begin an absolute path (sqlite:////data/shop.db), three a relative one."
        raise CopyError(f"There is no file {path} in the container.", hint)

    def open_file() -> sqlite3.Connection:
        # rw and not ro: SQLite must replay a journal that a crash left before it can read.
        uri = f"file:{quote(str(path))}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        connection.text_factory = _decode
        return connection

    engine = sa.create_engine("sqlite://", creator=open_file, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")
            # The snapshot begins with the first read.
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
            yield connection
    except sa.exc.DatabaseError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise CopyError(f"{path} cannot be read: {error.orig}.") from error
        raise


def autoincrement_of(connection: sa.Connection, table: str) -> int:
    """The highest number that the table has ever given to a row, if AUTOINCREMENT remembers it."""
    if not sa.inspect(connection).has_table("sqlite_sequence"):
        return 0
    query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(connection.execute(query, {"name": table}).scalar() or 0)


def count(connection: sa.Connection, table: str) -> int:
    """How many rows a table has."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one())


# This program is synchronous, so it replaces a driver for asyncio with a synchronous one.
WAITING = {"asyncpg": "psycopg", "aiomysql": "pymysql", "asyncmy": "pymysql"}
# 0 stays 0 (it does not ask for the next number), and nothing is cut or changed to fit.
SQL_MODE = "STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"


def connect(text: str) -> sa.Connection:
    """Connects. Raises CopyError if that fails; the message holds no password."""
    try:
        # Django and some providers say postgres://, which SQLAlchemy does not know.
        url = make_url(re.sub(r"^postgres://", "postgresql://", text))
    except (sa.exc.ArgumentError, ValueError):
        # The messages of these errors may hold a part of the URL.
        raise CopyError("DATABASE_URL, the target, is no URL that SQLAlchemy can read.") from None
    backend, _, driver = url.drivername.partition("+")
    if backend not in {"postgresql", "mysql", "mariadb"}:
        raise CopyError(f"{url.render_as_string()} is neither PostgreSQL nor MariaDB.")
    if driver in WAITING:
        url = url.set(drivername=f"{backend}+{WAITING[driver]}")
    try:
        connection = sa.create_engine(url, poolclass=sa.NullPool).connect()
    except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
        raise CopyError(
            f"The image has no driver for {url.render_as_string()}: {error}.",
            "Add it to PYTHON_EXTRA_PACKAGES in .env.docker, then: npm run up",
        ) from error
    except sa.exc.DBAPIError as error:
        raise CopyError(
            f"{url.render_as_string()} cannot be reached: {str(error.orig).strip()}",
            "Does the database run, and are user, password and name right?",
        ) from error
    # Times are UTC, and nothing is changed to fit.
    if dialect_of(connection) == "postgresql":
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")
    else:
        connection.exec_driver_sql(f"SET SESSION time_zone = '+00:00', sql_mode = '{SQL_MODE}'")
    connection.commit()
    return connection


def dialect_of(connection: sa.Connection) -> str:
    """Either postgresql or mysql: MariaDB has two names in SQLAlchemy."""
    return "postgresql" if connection.dialect.name == "postgresql" else "mysql"


def reflect(connection: sa.Connection) -> sa.MetaData:
    """The tables as the database has them."""
    metadata = sa.MetaData()
    with warnings.catch_warnings():
        # Warnings about unknown indexes and types: indexes are not copied, values are taken as they are.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        metadata.reflect(connection)
    return metadata


@contextmanager
def relaxed(
    connection: sa.Connection, tables: Iterable[sa.Table], circular: Iterable[sa.ForeignKeyConstraint]
) -> Iterator[None]:
    """Allows what the target would refuse during the copy: circular keys, values of GENERATED ALWAYS columns.

    In PostgreSQL this is part of the transaction, needs no superuser, and checks every row at the end.
    """
    run = connection.exec_driver_sql
    if dialect_of(connection) == "mysql":
        # The check has found no orphans in the source, so these checks would find nothing.
        run(f"SET SESSION foreign_key_checks = {0 if circular else 1}")
        yield
        run("SET SESSION foreign_key_checks = 1")
        return
    name = connection.dialect.identifier_preparer.quote
    # A key that is deferrable already needs no change, and stays deferrable.
    changes = [
        (f"{name(key.table.name)} ALTER CONSTRAINT {name(str(key.name))}", "DEFERRABLE", "NOT DEFERRABLE")
        for key in circular
        if not key.deferrable
    ]
    changes += [
        (f"{name(table.name)} ALTER {name(column.name)} SET GENERATED", "BY DEFAULT", "ALWAYS")
        for table in tables
        for column in table.columns
        if column.identity and column.identity.always
    ]
    for what, meanwhile, _ in changes:
        run(f"ALTER TABLE {what} {meanwhile}")
    run("SET CONSTRAINTS ALL DEFERRED")
    yield
    run("SET CONSTRAINTS ALL IMMEDIATE")
    for what, _, again in changes:
        run(f"ALTER TABLE {what} {again}")


def set_sequences(connection: sa.Connection, table: sa.Table, given: int) -> None:
    """Has PostgreSQL continue after the highest number, or after the last that the source has ``given``."""
    for column in table.columns:
        match = re.fullmatch(r"nextval\('(.+)'::regclass\)", str(getattr(column.server_default, "arg", "")))
        if match:
            sequence: sa.ColumnElement[Any] = sa.literal(match[1].replace("''", "'"))
        elif column.identity is not None:
            quoted = connection.dialect.identifier_preparer.quote(table.name)
            sequence = sa.func.pg_get_serial_sequence(quoted, column.name)
        else:
            continue
        highest = connection.execute(sa.select(sa.func.max(column))).scalar()
        last = max(highest or 0, given if column.primary_key else 0)
        # A new sequence begins with 1 and "not called".
        connection.execute(sa.select(sa.func.setval(sa.cast(sequence, REGCLASS), last or 1, last > 0)))


def set_auto_increment(connection: sa.Connection, table: sa.Table, given: int) -> None:
    """Has MariaDB continue after the last number that the source has ``given``; it knows the highest itself.

    This ends a transaction, so it must run after the copy's. MariaDB ignores a number that is too low.
    """
    if table.autoincrement_column is not None and given:
        quoted = connection.dialect.identifier_preparer.quote(table.name)
        connection.exec_driver_sql(f"ALTER TABLE {quoted} AUTO_INCREMENT = {given + 1}")
