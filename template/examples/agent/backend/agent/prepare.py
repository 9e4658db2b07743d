"""``python -m agent.prepare``: makes the tables, and finds out whether everything outside can be used.

It runs before anything else starts, so that a wrong URL, key or certificate is one line here, and not a
worker that tries again for ever.
"""

import sys
from collections.abc import Callable

from agent import database
from agent.outside import OutsideError
from agent.settings import SettingsError


def tables() -> None:
    """Brings the tables up to date."""
    print(f"prepare: the database is up to date, {database.migrate()} steps were new")


def queue() -> None:
    """Asks the queue."""
    from agent import queue

    queue.check()
    print("prepare: the queue answers")


def files() -> None:
    """Asks the object store."""
    from agent import files

    files.check()
    print("prepare: the object store takes files")


def main(steps: tuple[Callable[[], None], ...] = (tables, queue, files)) -> int:
    """Takes every step, also after one that failed: the next line may be wrong as well."""
    failed = 0
    for step in steps:
        try:
            step()
        except SettingsError as error:
            print(f"prepare: {error}", file=sys.stderr)
            return 1
        except OutsideError as error:
            print(f"prepare: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
