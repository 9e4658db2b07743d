"""Waits for the stack's database, and runs MIGRATE_COMMAND under a lock in the database of DATABASE_URL.

``alembic upgrade head`` has no lock of its own: if two start together, one fails or both write. Here a
connection of its own holds the lock, and the database releases it when that ends, for whatever reason. For
SQLite the lock is a file beside the database's.
The exit code is the command's own, or 75 if another migration held the lock for too long, or
69 if the database refuses the connection.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from docker_roles import lock_mysql, lock_postgres
from docker_roles.connection import LockTimeoutError, wait_until

UNAVAILABLE = 69
TEMPORARY_FAILURE = 75

# The stack's databases by their profiles: host, port, and what a client says first. Without the dot, a
# resolver may add the network's domain and find another host. To PostgreSQL a client says the length,
# protocol 3.0 and a user; MariaDB speaks first.
DATABASES = {
    "postgres": ("postgres.", 5432, b"\0\0\0\x16\0\x03\0\0user\0migrate\0\0"),
    "mariadb": ("mariadb.", 3306, b""),
}
DATABASE_SECONDS = 120
# PostgreSQL's code for "the database system is starting up".
STARTING = b"C57P03"


def is_ready(host: str, port: int, greeting: bytes) -> bool:
    """Tells whether a PostgreSQL or MariaDB takes connections, whoever may log in."""
    with suppress(OSError), socket.create_connection((host, port), timeout=2) as server:
        server.sendall(greeting)
        answer = server.recv(1024)
        return bool(answer) and STARTING not in answer
    return False


def wait_for_database(seconds: float = DATABASE_SECONDS) -> None:
    """Waits until the database whose profile is on takes connections, or for that long, and then says so."""
    profiles = os.environ.get("MIGRATE_WAITS_FOR", "").replace(" ", "").split(",")
    for name, where in DATABASES.items():
        if not {name, "*"}.isdisjoint(profiles) and not is_ready(*where):
            print(f"migrate: waiting for {name}", flush=True)
            try:
                wait_until(partial(is_ready, *where), seconds)
            except LockTimeoutError:
                print(
                    f"migrate: {name} has taken no connection for {seconds:.0f} seconds. Its log says why.",
                    file=sys.stderr,
                )


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


def lock_for(url: str, seconds: float) -> AbstractContextManager[None]:
    """Chooses the lock by the kind of database and the installed driver, or says that there is none."""
    scheme, _, rest = url.partition("://")
    kind = scheme.partition("+")[0]
    why = "DATABASE_URL names no database whose lock is known here"
    for server in (lock_postgres, lock_mysql):
        if kind in server.SCHEMES:
            if connection := server.connect(url):
                return server.hold(connection, seconds)
            why = f"none of {', '.join(server.DRIVERS)} is installed"
    if kind == "sqlite" and rest.strip("/"):
        # sqlite:///relative.db and sqlite:////absolute.db
        return file_lock(Path(rest.removeprefix("/").split("?")[0] + ".migrate-lock"), seconds)
    print(f"migrate: {why}, so this runs without a lock.", flush=True)
    return nullcontext()


def main() -> int:
    """Waits for the database, takes the lock, runs the command, and returns its exit code."""
    wait_for_database()
    command = os.environ.get("MIGRATE_COMMAND", "")
    if not command:
        print("migrate: MIGRATE_COMMAND is empty: nothing to do.")
        return 0
    seconds = float(os.environ.get("MIGRATE_LOCK_TIMEOUT") or 300)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_for(os.environ.get("DATABASE_URL", ""), seconds))
        except LockTimeoutError:
            print(
                f"migrate: another migration has held the lock for {seconds:.0f} seconds, "
                "which is MIGRATE_LOCK_TIMEOUT. See whether it is alive (docker compose ps --all migrate), "
                "then run this one again.",
                file=sys.stderr,
            )
            return TEMPORARY_FAILURE
        except Exception as error:  # noqa: BLE001 any driver: its message says enough
            name = f"{type(error).__module__}.{type(error).__qualname__}"
            print(f"migrate: the database of DATABASE_URL cannot be used. {name}: {error}", file=sys.stderr)
            return UNAVAILABLE
        shell = ["bash", "-c", command]
        with suppress(ProcessLookupError), subprocess.Popen(shell, start_new_session=True) as child:
            # Docker sends TERM to this process alone, and a terminal INT. bash ends first; the lock is held
            # until all have.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: os.killpg(child.pid, signal.SIGTERM))
            code = child.wait()
            while code == -signal.SIGTERM:
                os.killpg(child.pid, 0)
                time.sleep(0.1)
        # The code that a shell reports when a signal has ended the command.
        return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
