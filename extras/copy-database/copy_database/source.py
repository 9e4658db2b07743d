"""The SQLite database: one snapshot of it, read as it is stored."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from docker_roles.copy_database.errors import CopyError

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
            f"{parsed.render_as_string()} is no SQLite file, and only from SQLite is copied.",
            "Name it as sqlite:////data/shop.db (four slashes: an absolute path in the container).",
        )
    path = Path(str(parsed.database)).absolute()
    if not path.is_file():
        raise CopyError(
            f"There is no file {path} in the container.",
            "Four slashes begin an absolute path (sqlite:////data/shop.db), three a relative one.",
        )
    return path


@contextmanager
def open_source(path: Path) -> Iterator[sa.Connection]:
    """A connection that sees one snapshot, whoever writes meanwhile, and that writes nothing itself.

    Values come as SQLite has them: whatever the column says of its type, a date may be a number here.
    """

    def connect() -> sqlite3.Connection:
        # rw and not ro: what a crash left in the journal has to be played back before anybody can read.
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_SECONDS
        )
        connection.text_factory = _decode
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
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
