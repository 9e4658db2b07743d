"""Runs MIGRATE_COMMAND under a lock in the database itself.

``alembic upgrade head`` has no lock of its own: if two start together, one fails or both write.
The exit code is the command's own, or 75 if another migration held the lock for too long, or
69 if the database refuses the connection.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress

from docker_roles.connection import LockTimeoutError
from docker_roles.locks import lock_for

UNAVAILABLE = 69
TEMPORARY_FAILURE = 75


def main() -> int:
    """Takes the lock, runs the command, and returns its exit code."""
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
                f"migrate: another migration has held the lock for {seconds:.0f} seconds. "
                "See whether it is alive (docker compose ps --all migrate), then run this one again.",
                file=sys.stderr,
            )
            return TEMPORARY_FAILURE
        except Exception as error:  # noqa: BLE001 any driver: its message says enough
            name = f"{type(error).__module__}.{type(error).__qualname__}"
            print(f"migrate: the database of DATABASE_URL cannot be used. {name}: {error}", file=sys.stderr)
            return UNAVAILABLE
        shell = ["bash", "-c", command]
        with suppress(ProcessLookupError), subprocess.Popen(shell, start_new_session=True) as child:
            # Docker sends TERM to this process alone. bash ends first; the lock is held until all have.
            signal.signal(signal.SIGTERM, lambda number, _: os.killpg(child.pid, number))
            code = child.wait()
            while code == -signal.SIGTERM:
                os.killpg(child.pid, 0)
                time.sleep(0.1)
        # The code that a shell reports when a signal has ended the command.
        return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
