"""One connection to the application's database, with whichever driver the application has installed.

It only takes a lock: it runs statements without parameters and returns one value.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

# Runs one statement and returns the first value of its first row.
Ask = Callable[[str], Any]
Connect = TypeVar("Connect")


class LockTimeoutError(Exception):
    """Another migration did not end in time."""


@dataclass(frozen=True)
class Address:
    """A database URL, split and decoded. ``driver`` is what follows the plus in SQLAlchemy's URLs."""

    kind: str
    driver: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: int | None = None
    database: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Reads dialect+driver://user:password@host:port/database?options, percent-decoded."""
        parts = urlsplit(url)
        kind, _, driver = parts.scheme.partition("+")
        return cls(
            kind=kind,
            driver=driver,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname or "",
            port=parts.port,
            database=unquote(parts.path.removeprefix("/")),
            options=dict(parse_qsl(parts.query)),
        )


def is_installed(module: str) -> bool:
    """Tells whether the application can import it, without running any of it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # The parent package of a submodule is missing.
        return False


def choose(drivers: Mapping[str, Connect], named: str) -> Connect | None:
    """Returns the entry of the driver that the URL names, or else of the first one that is installed."""
    installed = {module: connect for module, connect in drivers.items() if is_installed(module)}
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
