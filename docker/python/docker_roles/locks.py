"""Locks that prevent two migrations at the same time, in the database itself or in a file beside it.

A connection of its own holds the lock while the ``with`` block runs. The database releases the lock when
that connection ends, for whatever reason.
"""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from docker_roles import lock_mysql, lock_postgres
from docker_roles.connection import wait_until


@contextmanager
def file_lock(path: Path, seconds: float) -> Iterator[None]:
    """Holds a lock on a file beside an SQLite database. Raises LockTimeoutError after that many seconds."""
    with path.open("w") as file:

        def take() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_until(take, seconds)
        yield


@contextmanager
def no_lock(why: str) -> Iterator[None]:
    """Runs without a lock, and says so."""
    print(f"migrate: {why}, so this runs without a lock.", flush=True)
    yield


def lock_for(url: str, seconds: float) -> AbstractContextManager[None]:
    """Chooses the lock by the kind of database, and the driver by what is installed."""
    scheme, _, rest = url.partition("://")
    kind = scheme.partition("+")[0]
    for server in (lock_postgres, lock_mysql):
        if kind in server.SCHEMES:
            connection = server.connect(url)
            missing = f"none of {', '.join(server.DRIVERS)} is installed"
            return server.hold(connection, seconds) if connection else no_lock(missing)
    if kind == "sqlite" and rest.strip("/"):
        # sqlite:///relative.db and sqlite:////absolute.db
        return file_lock(Path(rest.removeprefix("/").split("?")[0] + ".migrate-lock"), seconds)
    return no_lock("DATABASE_URL names no database whose lock is known here")
