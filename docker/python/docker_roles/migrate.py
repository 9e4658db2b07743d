"""Runs MIGRATE_COMMAND under a lock in the database itself.

``alembic upgrade head`` has no lock of its own: of two that start together one fails, or both write.
The lock is held by a connection of its own for as long as the command runs, and the database lets
go of it when that connection ends, however it ends. Exit code: the command's own, or 75 when
somebody else held the lock for too long.
"""

import fcntl
import importlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

# Any number will do as long as it stays the same; it is looked up in pg_locks as objid.
POSTGRES_LOCK_KEY = 727_274
LOCK_NOT_AVAILABLE = "55P03"
TEMPORARY_FAILURE = 75


class LockTimeoutError(Exception):
    """Another migration did not end in time."""


def connect_postgres(url: str) -> Any:
    """Connects by whichever driver the application has, in autocommit.

    An open transaction would hold back CREATE INDEX CONCURRENTLY in the migration.
    Returns None where there is no driver that is known here.
    """
    # postgresql+asyncpg:// is SQLAlchemy's way to name a driver; the server's own URL has none.
    plain = "postgresql://" + url.partition("://")[2]
    for name in ("psycopg", "psycopg2"):
        if importlib.util.find_spec(name):
            connection = importlib.import_module(name).connect(plain)
            connection.autocommit = True
            return connection
    return None


@contextmanager
def postgres_lock(url: str, seconds: float) -> Iterator[None]:
    """Holds an advisory lock of the database. Raises LockTimeoutError after so many seconds."""
    connection = connect_postgres(url)
    if connection is None:
        with no_lock("neither psycopg nor psycopg2 is installed"):
            yield
        return
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{int(seconds * 1000)}ms'")
        try:
            cursor.execute(f"SELECT pg_advisory_lock({POSTGRES_LOCK_KEY})")
        except Exception as error:
            # 55P03, lock_not_available: both drivers have it, under two names.
            if LOCK_NOT_AVAILABLE not in {getattr(error, "sqlstate", None), getattr(error, "pgcode", None)}:
                raise
            raise LockTimeoutError from error
        yield


@contextmanager
def file_lock(path: Path, seconds: float) -> Iterator[None]:
    """Holds a lock on a file beside an SQLite database. Raises LockTimeoutError after so many seconds."""
    deadline = time.monotonic() + seconds
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LockTimeoutError from None
                time.sleep(0.2)
        yield


@contextmanager
def no_lock(why: str) -> Iterator[None]:
    """Runs without a lock, and says so."""
    print(f"migrate: {why}, so this runs without a lock.", flush=True)
    yield


def lock_for(url: str, seconds: float) -> AbstractContextManager[None]:
    """Chooses the lock by the kind of database."""
    scheme, _, rest = url.partition("://")
    if scheme.split("+")[0] in {"postgresql", "postgres"}:
        return postgres_lock(url, seconds)
    if scheme.split("+")[0] == "sqlite" and rest.strip("/"):
        # sqlite:///relative.db and sqlite:////absolute.db
        return file_lock(Path(rest.removeprefix("/").split("?")[0] + ".migrate-lock"), seconds)
    return no_lock("DATABASE_URL names no database whose lock is known here")


def main() -> int:
    """Takes the lock, runs the command, and returns its exit code."""
    command = os.environ.get("MIGRATE_COMMAND", "")
    if not command:
        print("migrate: MIGRATE_COMMAND is empty: nothing to do.")
        return 0
    seconds = float(os.environ.get("MIGRATE_LOCK_TIMEOUT") or 300)
    try:
        with lock_for(os.environ.get("DATABASE_URL", ""), seconds):
            return subprocess.run(["sh", "-c", command], check=False).returncode
    except LockTimeoutError:
        print(
            f"migrate: another migration has held the lock for {seconds:.0f} seconds. "
            "See whether it is alive (docker compose ps --all migrate), then run this one again.",
            file=sys.stderr,
        )
        return TEMPORARY_FAILURE


if __name__ == "__main__":
    sys.exit(main())
