"""An advisory lock of PostgreSQL, which belongs to one database of the server."""

import asyncio
import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from docker_roles.connection import Ask, choose, plain, wait_until

# Any fixed number; pg_locks shows it as objid.
LOCK_KEY = 727_274

# The last ones are django-environ's and dj-database-url's.
SCHEMES = {"postgresql", "postgres", "psql", "pgsql", "postgis"}

# What libpq takes in a URL. Django's URLs also have options for Django itself (conn_max_age, pool).
OPTIONS = re.compile(
    r"(host(addr)?|port|dbname|user|passfile|password|require_auth|requirepeer|channel_binding|connect_timeout"
    r"|client_encoding|options|(fallback_)?application_name|keepalives\w*|tcp_user_timeout|ssl\w*|krbsrvname|gss\w+"
    r"|service|target_session_attrs|load_balance_hosts)="
)

# Uses autocommit, and no prepared statements: behind a pooler, those may be another client's.
Connect = Callable[[str], AbstractContextManager[Ask]]


def plain_url(url: str) -> str:
    """Returns the URL in the form that libpq reads, without the options that it does not know.

    SQLAlchemy's URL names a driver. For asyncpg it has options of asyncpg's, and calls sslmode ``ssl``.
    """
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    options = query.split("&")
    if scheme.endswith("+asyncpg"):
        renamed = [re.sub("^ssl=", "sslmode=", option) for option in options]
        options = [option for option in renamed if option.startswith("ssl")]
    kept = [option for option in options if OPTIONS.match(option)]
    return f"postgresql://{rest}{'?' if kept else ''}{'&'.join(kept)}"


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
