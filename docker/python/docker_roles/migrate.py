"""Runs MIGRATE_COMMAND under a lock in the database itself.

``alembic upgrade head`` has no lock of its own: of two that start together one fails, or both write.
Exit code: the command's own, or 75 when somebody else held the lock for too long.
"""

import os
import subprocess
import sys

from docker_roles.connection import LockTimeoutError
from docker_roles.locks import lock_for

TEMPORARY_FAILURE = 75


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
