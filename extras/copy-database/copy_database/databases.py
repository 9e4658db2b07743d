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
from sqlalchemy.engine import URL, make_url

from copy_database.report import CopyError

# Seconds to wait for somebody who is writing.
BUSY_SECONDS = 30


class Undecodable(bytes):
    """A text that is not UTF-8. Python's own driver would stop at the first one."""

    __slots__ = ()


def _decode(text: bytes) -> str | Undecodable:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return Undecodable(text)


def path_of(url: str) -> Path:
    """The file of a SQLite URL. Raises CopyError where it names none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        raise CopyError(
            f"{parsed.render_as_string()} is no SQLite file, and the copy only reads SQLite.",
            "Name it as sqlite:////data/shop.db (four slashes: an absolute path in the container).",
        )
    path = Path(str(parsed.database)).absolute()
    if not path.is_file():
        hint = "Four slashes begin an absolute path (sqlite:////data/shop.db), three a relative one."
        raise CopyError(f"There is no file {path} in the container.", hint)
    return path


@contextmanager
def open_source(path: Path) -> Iterator[sa.Connection]:
    """A connection that sees one snapshot, whoever writes meanwhile, and that writes nothing itself.

    Values come as SQLite has them: whatever the column says of its type, a date may be a number here.
    """

    def open_file() -> sqlite3.Connection:
        # rw and not ro: what a crash left in the journal has to be played back before anybody can read.
        uri = f"file:{quote(str(path))}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        connection.text_factory = _decode
        return connection

    engine = sa.create_engine("sqlite://", creator=open_file, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")
            # The snapshot begins with the first thing that is read.
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
            yield connection
    except sa.exc.DatabaseError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise CopyError(f"{path} cannot be read: {error.orig}.") from error
        raise


def autoincrement_of(connection: sa.Connection, table: str) -> int:
    """The highest number that the table has ever given away, where AUTOINCREMENT remembers it."""
    if not sa.inspect(connection).has_table("sqlite_sequence"):
        return 0
    query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(connection.execute(query, {"name": table}).scalar() or 0)


# Drivers that wait for the database, as this program does. Those of asyncio are replaced by one of them.
DRIVERS = {
    "postgresql": ("psycopg", "psycopg2"),
    "mysql": ("pymysql", "mysqldb"),
    "mariadb": ("pymysql", "mysqldb"),
}
ASYNC_DRIVERS = {"asyncpg", "aiomysql", "asyncmy"}
# The number 0 is a number and no wish for the next one; and nothing is cut or bent to fit.
SQL_MODE = "STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"


def _with_driver(url: URL) -> sa.Engine:
    """The engine of this URL, by its own driver or by another one that is installed."""
    backend, driver = url.get_backend_name(), url.drivername.partition("+")[2]
    own = [driver] if driver and driver not in ASYNC_DRIVERS else []
    names = list(dict.fromkeys([*own, *DRIVERS[backend]]))
    for name in names:
        try:
            return sa.create_engine(url.set(drivername=f"{backend}+{name}"), poolclass=sa.NullPool)
        except ModuleNotFoundError:
            continue
    wanted = "psycopg[binary]" if backend == "postgresql" else "PyMySQL"
    raise CopyError(
        f"The image has no driver for {url.render_as_string()}: {' or '.join(names)}.",
        f"Add {wanted} to the application's dependencies, or to PYTHON_EXTRA_PACKAGES, then: npm run up",
    )


def connect(text: str) -> sa.Connection:
    """Connects. Raises CopyError where that is not possible; its words hold no password."""
    try:
        # Django and some providers say postgres://, which SQLAlchemy does not know.
        url = make_url(re.sub(r"^postgres://", "postgresql://", text))
    except (sa.exc.ArgumentError, ValueError):
        # Their words may hold a part of it.
        raise CopyError("DATABASE_URL, the target, is no URL that SQLAlchemy can read.") from None
    if url.get_backend_name() not in DRIVERS:
        text = f"{url.render_as_string()} is neither PostgreSQL nor MariaDB."
        raise CopyError(text, "The copy writes into these two.")
    if url.get_backend_name() != "postgresql" and "charset" not in url.query:
        url = url.update_query_dict({"charset": "utf8mb4"})
    engine = _with_driver(url)
    try:
        connection = engine.connect()
    except sa.exc.DBAPIError as error:
        raise CopyError(
            f"{url.render_as_string()} cannot be reached: {str(error.orig).strip()}",
            "Does the database run, and are user, password and name right?",
        ) from error
    # Times are UTC, and nothing is bent to fit.
    if dialect_of(connection) == "postgresql":
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")
    else:
        connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
        connection.exec_driver_sql(f"SET SESSION sql_mode = '{SQL_MODE}'")
    connection.commit()
    return connection


def dialect_of(connection: sa.Connection) -> str:
    """Either postgresql or mysql: MariaDB has two names in SQLAlchemy."""
    return "postgresql" if connection.dialect.name == "postgresql" else "mysql"


def reflect(connection: sa.Connection) -> sa.MetaData:
    """The tables as the database has them."""
    metadata = sa.MetaData()
    with warnings.catch_warnings():
        # Of indexes and types that SQLAlchemy does not know: they are not copied, or handled as "other".
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        metadata.reflect(connection)
    return metadata


def refuse_tables_without_transactions(connection: sa.Connection, names: Iterable[str]) -> None:
    """Raises CopyError where MariaDB could not take the rows back."""
    if dialect_of(connection) == "postgresql":
        return
    query = sa.text(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND engine <> 'InnoDB' AND table_type = 'BASE TABLE'"
    )
    wrong = sorted(set(connection.execute(query).scalars()) & set(names))
    if wrong:
        text = f"{', '.join(wrong)}: not of the engine InnoDB, so MariaDB cannot take back their rows."
        raise CopyError(text, "Change it: ALTER TABLE … ENGINE=InnoDB")


class Constraints:
    """What would refuse rows on the way: circular foreign keys, and numbers that only the database gives."""

    def __init__(
        self,
        connection: sa.Connection,
        tables: Iterable[sa.Table],
        circular: Iterable[sa.ForeignKeyConstraint],
    ) -> None:
        self._connection = connection
        self._keys = list(circular)
        columns = [column for table in tables for column in table.columns]
        self._identities = [column for column in columns if column.identity and column.identity.always]

    def relax(self) -> None:
        """Has them wait. In PostgreSQL that is part of the transaction, and needs no superuser."""
        if dialect_of(self._connection) == "mysql":
            # The orphans of the source have been looked for, so there is nothing left to be found.
            if self._keys:
                self._connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
            return
        self._alter("DEFERRABLE INITIALLY DEFERRED", "BY DEFAULT")
        self._connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")

    def restore(self) -> None:
        """Everything as it was. PostgreSQL checks every row here."""
        if dialect_of(self._connection) == "mysql":
            if self._keys:
                self._connection.exec_driver_sql("SET SESSION foreign_key_checks = 1")
            return
        self._connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        self._alter("NOT DEFERRABLE", "ALWAYS")

    def _alter(self, deferrable: str, generated: str) -> None:
        quote = self._connection.dialect.identifier_preparer.quote
        for key in self._keys:
            # What its owner has made deferrable is deferred already, and stays so.
            if not key.deferrable:
                table, name = quote(key.table.name), quote(str(key.name))
                self._connection.exec_driver_sql(f"ALTER TABLE {table} ALTER CONSTRAINT {name} {deferrable}")
        for column in self._identities:
            table, name = quote(column.table.name), quote(column.name)
            self._connection.exec_driver_sql(
                f"ALTER TABLE {table} ALTER COLUMN {name} SET GENERATED {generated}"
            )


def set_sequences(connection: sa.Connection, table: sa.Table, given: int) -> None:
    """Has PostgreSQL count on from the highest number, or from what the source has ``given`` away."""
    for column in table.columns:
        default = str(getattr(column.server_default, "arg", ""))
        match = re.fullmatch(r"nextval\('(.+)'::regclass\)", default)
        if match:
            sequence: sa.ColumnElement[Any] = sa.literal(match[1].replace("''", "'"))
        elif column.identity is not None:
            quoted = connection.dialect.identifier_preparer.quote(table.name)
            sequence = sa.func.pg_get_serial_sequence(quoted, column.name)
        else:
            continue
        highest = connection.execute(sa.select(sa.func.max(column))).scalar()
        last = max(highest or 0, given if column.primary_key else 0)
        # 1 and "not called" is how a sequence begins.
        connection.execute(sa.select(sa.func.setval(sa.cast(sequence, REGCLASS), last or 1, last > 0)))


def set_auto_increment(connection: sa.Connection, table: sa.Table, given: int) -> None:
    """Has MariaDB count on from what the source has ``given`` away; the highest number it knows itself.

    This ends a transaction, and so belongs behind the copy's.
    """
    column = table.autoincrement_column
    if column is None or not given:
        return
    highest: Any = connection.execute(sa.select(sa.func.max(column))).scalar()
    if given > (highest or 0):
        quoted = connection.dialect.identifier_preparer.quote(table.name)
        connection.exec_driver_sql(f"ALTER TABLE {quoted} AUTO_INCREMENT = {given + 1}")
