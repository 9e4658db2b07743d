"""An advisory lock of PostgreSQL, which belongs to one database of the server."""

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from urllib.parse import parse_qsl, quote, urlencode

from docker_roles.connection import Ask, choose, plain, wait_until

# Any fixed number; pg_locks shows it as objid.
LOCK_KEY = 727_274

SCHEMES = {"postgresql", "postgres"}

# Uses autocommit, and no prepared statements: behind a pooler, those may be another client's.
Connect = Callable[[str], AbstractContextManager[Ask]]


def plain_url(url: str) -> str:
    """Returns the URL in the form that libpq reads.

    SQLAlchemy's URL names a driver. For asyncpg it has options that libpq does not know, and it
    calls sslmode ``ssl``.
    """
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+asyncpg") and "?" in rest:
        rest, _, query = rest.partition("?")
        options = [("sslmode" if key == "ssl" else key, value) for key, value in parse_qsl(query)]
        kept = [(key, value) for key, value in options if key.startswith("ssl")]
        rest += f"?{urlencode(kept, quote_via=quote)}" if kept else ""
    return f"postgresql://{rest}"


def _psycopg(url: str) -> AbstractContextManager[Ask]:
    connection = importlib.import_module("psycopg").connect(
        plain_url(url), autocommit=True, prepare_threshold=None
    )
    return plain(connection)


def _psycopg2(url: str) -> AbstractContextManager[Ask]:
    connection = importlib.import_module("psycopg2").connect(plain_url(url))
    connection.autocommit = True
    return plain(connection)


@contextmanager
def _asyncpg(url: str) -> Iterator[Ask]:
    with closing(asyncio.new_event_loop()) as loop:
        run = loop.run_until_complete
        connection = run(importlib.import_module("asyncpg").connect(plain_url(url), statement_cache_size=0))
        try:
            yield lambda statement: run(connection.fetchval(statement))
        finally:
            run(connection.close())


DRIVERS: dict[str, Connect] = {
    "psycopg": _psycopg,
    "psycopg2": _psycopg2,
    "asyncpg": _asyncpg,
}


def connect(url: str) -> AbstractContextManager[Ask] | None:
    """Connects with the driver that the URL names, or else an installed one. Returns None without any."""
    open_url = choose(DRIVERS, url.partition("://")[0].partition("+")[2])
    return open_url(url) if open_url else None


@contextmanager
def hold(connection: AbstractContextManager[Ask], seconds: float) -> Iterator[None]:
    """Holds the lock. Raises LockTimeoutError after that many seconds.

    The lock belongs to a transaction, because a pooler may give the next one to another session. We do not
    wait for it in the server, because CREATE INDEX CONCURRENTLY in the other migration would wait for us.
    """
    with connection as ask:

        def take() -> bool:
            # At any other level the transaction would keep its snapshot.
            ask("BEGIN ISOLATION LEVEL READ COMMITTED")
            if ask(f"SELECT pg_try_advisory_xact_lock({LOCK_KEY})"):
                return True
            ask("ROLLBACK")
            return False

        wait_until(take, seconds)
        # The transaction is idle while the migration runs.
        ask(
            "SELECT count(set_config(name, '0', true)) FROM pg_settings"
            " WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
        )
        yield
