"""The SQLite database that web and worker share.

Three things keep "database is locked" away: WAL, so that readers and the writer do not wait for each
other; a busy time-out, so that a second writer waits instead of failing; and ``BEGIN IMMEDIATE``,
because SQLite refuses at once, whatever the time-out, to turn a transaction that has read into one
that writes after somebody else has written. The file has to lie on a local disk.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSY_SECONDS = 15

# More starts than restarts explain. Beyond, the recording itself must be what kills the worker.
MAX_ATTEMPTS = 5

# One entry for each version of the schema. Never change one that has been released: add another.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE episode (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            status TEXT NOT NULL DEFAULT 'queued'
                CHECK (status IN ('queued', 'processing', 'done', 'failed')),
            attempt INTEGER NOT NULL DEFAULT 0,
            error TEXT,   -- one sentence for whoever uploaded it
            detail TEXT,  -- what the programs said, for whoever looks after this
            report TEXT,
            created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
            updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
        ) STRICT
        """,
        """
        CREATE TABLE step (
            episode_id TEXT NOT NULL REFERENCES episode ON DELETE CASCADE,
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'waiting'
                CHECK (status IN ('waiting', 'running', 'done', 'failed')),
            percent INTEGER NOT NULL DEFAULT 0,
            seconds REAL NOT NULL DEFAULT 0,
            PRIMARY KEY (episode_id, position)
        ) STRICT
        """,
        "CREATE INDEX episode_created_at ON episode (created_at)",
    ),
)


class SupersededError(Exception):
    """A newer attempt works on this episode, so this one has nothing more to say."""


class Store:
    """Episodes and their steps."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A connection must be used neither by two threads nor, after a fork, by two processes.
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        if getattr(self._local, "pid", None) != os.getpid():
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection, self._local.pid = connection, os.getpid()
        return self._local.connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in it is written, or nothing."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def migrate(self) -> int:
        """Brings the schema up to date, all or nothing. Returns how many versions were added."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection().execute("PRAGMA journal_mode = WAL")  # the file remembers it
        with self.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        return len(MIGRATIONS) - version

    def add(self, episode_id: str, name: str, size: int, steps: tuple[str, ...]) -> None:
        """Adds an episode that waits for its worker."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO episode (id, name, bytes) VALUES (?, ?, ?)", (episode_id, name, size)
            )
            connection.executemany(
                "INSERT INTO step (episode_id, position, name) VALUES (?, ?, ?)",
                [(episode_id, position, step) for position, step in enumerate(steps)],
            )

    def remove(self, episode_id: str) -> None:
        """Removes an episode with its steps."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM episode WHERE id = ?", (episode_id,))

    def find(self, episode_id: str) -> dict[str, Any] | None:
        """One episode with its steps, or None."""
        return next(iter(self._select("WHERE id = ?", episode_id)), None)

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The newest episodes first."""
        return self._select("ORDER BY created_at DESC LIMIT ?", limit)

    def _select(self, condition: str, value: object) -> list[dict[str, Any]]:
        connection = self._connection()
        rows = connection.execute(f"SELECT * FROM episode {condition}", (value,)).fetchall()  # noqa: S608
        steps = "SELECT name, status, percent, seconds FROM step WHERE episode_id = ? ORDER BY position"
        return [
            {
                **dict(row),
                "report": row["report"] and json.loads(row["report"]),
                "steps": [dict(step) for step in connection.execute(steps, (row["id"],))],
            }
            for row in rows
        ]

    def claim(self, episode_id: str) -> "Attempt | None":
        """Begins an attempt; None when there is nothing to do."""
        with self.transaction() as connection:
            row = connection.execute(
                "UPDATE episode SET status = 'processing', attempt = attempt + 1 "
                "WHERE id = ? AND status IN ('queued', 'processing') RETURNING attempt",
                (episode_id,),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE step SET status = 'waiting', percent = 0, seconds = 0 WHERE episode_id = ?",
                (episode_id,),
            )
        attempt = Attempt(self, episode_id, row["attempt"])
        if attempt.number <= MAX_ATTEMPTS:
            return attempt
        attempt.fail(
            f"The processing was started {MAX_ATTEMPTS} times and never ended: look into the worker's log."
        )
        return None


class Attempt:
    """The worker's hand on an episode.

    A task may be delivered twice: by a worker that died, or by a broker that lost patience. So an episode
    counts its attempts, and only the newest may write. To all others every method raises SupersededError.
    """

    def __init__(self, store: Store, episode_id: str, number: int) -> None:
        self._store = store
        self.episode_id = episode_id
        self.number = number

    def step(self, name: str, status: str, percent: int = 0, seconds: float = 0) -> None:
        """Says how far a step is."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE step SET status = ?, percent = ?, seconds = ? WHERE episode_id = ? AND name = ?",
                (status, percent, round(seconds, 1), self.episode_id, name),
            )

    def complete(self, report: dict[str, Any]) -> None:
        """Ends the episode well."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE episode SET status = 'done', report = ? WHERE id = ?",
                (json.dumps(report), self.episode_id),
            )

    def fail(self, error: str, detail: str | None = None) -> None:
        """Ends the episode with a sentence."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE episode SET status = 'failed', error = ?, detail = ? WHERE id = ?",
                (error, detail, self.episode_id),
            )
            connection.execute(
                "UPDATE step SET status = 'failed' WHERE episode_id = ? AND status = 'running'",
                (self.episode_id,),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._store.transaction() as connection:
            mine = connection.execute(
                "UPDATE episode SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') "
                "WHERE id = ? AND attempt = ? AND status = 'processing'",
                (self.episode_id, self.number),
            )
            if mine.rowcount == 0:
                raise SupersededError
            yield connection
