"""Runs MIGRATE_COMMAND under a lock in the database itself.

``alembic upgrade head`` has no lock of its own: of two that start together one fails, or both write.
The lock is held by a connection of its own for as long as the command runs, and the database lets
go of it when that connection ends, however it ends. Exit code: the command's own, or 75 when
somebody else held the lock for too long.
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Any number will do as long as it stays the same; it is looked up in pg_locks as objid.
POSTGRES_LOCK_KEY = 727_274
TEMPORARY_FAILURE = 75


class LockTimeoutError(Exception):
    """Another migration did not end in time."""


@contextmanager
def postgres_lock(url: str, seconds: float) -> Iterator[None]:
    """Holds an advisory lock of the database. Raises LockTimeoutError after so many seconds."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    # AUTOCOMMIT: an open transaction would hold back CREATE INDEX CONCURRENTLY in the migration.
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{int(seconds * 1000)}ms'"))
        try:
            connection.execute(text(f"SELECT pg_advisory_lock({POSTGRES_LOCK_KEY})"))
        except OperationalError as error:
            if "lock timeout" not in str(error):
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
def no_lock() -> Iterator[None]:
    """For databases that we know no lock for."""
    print("migrate: DATABASE_URL names no database with a lock known here; running without.", flush=True)
    yield


def lock_for(url: str, seconds: float):  # noqa: ANN201 (a context manager of one of three kinds)
    """Chooses the lock by the kind of database."""
    scheme, _, rest = url.partition("://")
    if scheme.split("+")[0] in {"postgresql", "postgres"}:
        return postgres_lock(url.replace("postgres://", "postgresql://", 1), seconds)
    if scheme.split("+")[0] == "sqlite" and rest.strip("/"):
        # sqlite:///relative.db and sqlite:////absolute.db
        return file_lock(Path(rest.removeprefix("/").split("?")[0] + ".migrate-lock"), seconds)
    return no_lock()


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
