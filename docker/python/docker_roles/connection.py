"""One connection to the application's database, with whichever driver the application has installed.

It runs statements without parameters and returns one value: a lock needs no more.
"""

import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, TypeVar

# Runs one statement and returns the first value of its first row.
Ask = Callable[[str], Any]
Connect = TypeVar("Connect")


class LockTimeoutError(Exception):
    """Another migration did not end in time, or a database did not start."""


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Asks until it is so. Raises LockTimeoutError after that many seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise LockTimeoutError
        time.sleep(0.1)


def _is_installed(module: str) -> bool:
    """Tells whether the application can import it, without running any of it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # The parent package of a submodule is missing.
        return False


def choose(drivers: Mapping[str, Connect], named: str) -> Connect | None:
    """Returns the entry of the driver that the URL names, or else of the first one that is installed."""
    installed = {module: connect for module, connect in drivers.items() if _is_installed(module)}
    return installed.get(named) or next(iter(installed.values()), None)


@contextmanager
def plain(connection: Any) -> Iterator[Ask]:
    """Adapts a connection of Python's database API (PEP 249)."""
    with closing(connection), closing(connection.cursor()) as cursor:

        def ask(statement: str) -> Any:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

        yield ask
