"""PostgreSQL: connections that verify who answers, and the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from agent.outside import using
from agent.settings import settings

Connection = psycopg.Connection[DictRow]

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}

# Each runs once, in this order. What was released is not changed: a further one is added.
MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id          text PRIMARY KEY,
        question    text NOT NULL,
        documents   jsonb NOT NULL,
        status      text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'working', 'done', 'failed')),
        stage       text NOT NULL DEFAULT 'waiting',
        progress    smallint NOT NULL DEFAULT 0,
        attempts    smallint NOT NULL DEFAULT 0,
        briefing    jsonb,
        error       text,
        created_at  timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz
    )
    """,
    "CREATE INDEX jobs_newest ON jobs (created_at DESC)",
)


def parameters() -> dict[str, Any]:
    """What ``Database__Url`` says. The certificate is verified unless the URL asks for less."""
    found: dict[str, Any] = dict(conninfo_to_dict(settings().database.url.get_secret_value()))
    host = str(found.get("host") or "")
    if "sslmode" not in found and host not in LOCAL_HOSTS and not host.startswith("/"):
        found["sslmode"] = "verify-full"
    return {
        # No prepared statements: a provider's pooler hands each transaction to another session.
        "prepare_threshold": None,
        "connect_timeout": 5,
        "application_name": "agent",
        **found,
    }


def outside() -> Any:
    """Around everything that asks the database."""
    return using("The database", "Database__Url", psycopg.OperationalError, PoolTimeout)


@cache
def pool() -> ConnectionPool[Connection]:
    """The connections of this process. Opened when first needed, so after the worker has forked."""
    return ConnectionPool(
        kwargs={**parameters(), "row_factory": dict_row},
        connection_class=Connection,
        min_size=0,
        max_size=8,
        timeout=6,
        # Providers cut what is idle: ask before a connection is handed out, and give it up early.
        check=ConnectionPool.check_connection,
        max_idle=120,
        open=True,
    )


@contextmanager
def transaction() -> Iterator[Connection]:
    """A connection whose changes are kept when the block ends well. Raises OutsideError."""
    with outside(), pool().connection() as connection:
        yield connection


def migrate() -> int:
    """Brings the tables up to date. Returns how many steps that took. Raises OutsideError."""
    with outside(), psycopg.connect(**parameters(), row_factory=dict_row) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (version int PRIMARY KEY)")
        # Who comes second waits here until the first is done, and then finds nothing to do.
        connection.execute("LOCK TABLE migrations IN EXCLUSIVE MODE")
        row = connection.execute("SELECT coalesce(max(version), 0) AS version FROM migrations").fetchone()
        done = int(row["version"]) if row else 0
        for version, step in enumerate(MIGRATIONS[done:], start=done + 1):
            connection.execute(step)
            connection.execute("INSERT INTO migrations VALUES (%s)", (version,))
        return len(MIGRATIONS) - done
