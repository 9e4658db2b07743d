"""One connection to the application's database, by whichever driver the application has.

It is opened for a lock and does nothing else: statements without parameters, one value back.
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
    """A database URL, taken apart and decoded. ``driver`` is SQLAlchemy's word behind the plus."""

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
    """Can the application import it? Nothing of it is run."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # The package that a submodule would be in.
        return False


def choose(drivers: Mapping[str, Connect], named: str) -> Connect | None:
    """Returns what belongs to the driver that the URL names, else to the first that is installed."""
    installed = {module: connect for module, connect in drivers.items() if is_installed(module)}
    return installed.get(named) or next(iter(installed.values()), None)


@contextmanager
def plain(connection: Any) -> Iterator[Ask]:
    """A connection as Python's database API has it."""
    with closing(connection), closing(connection.cursor()) as cursor:

        def ask(statement: str) -> Any:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

        yield ask
