"""SQLite that several processes share: the API reads and writes, and so does every task.

``python -m transcripts.database`` brings the file up to date.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from transcripts.settings import settings

# Seconds that a writer waits for another one. Every transaction here takes milliseconds.
BUSY_SECONDS = 10

# Each entry is applied once, in this order; the file remembers how many it has (PRAGMA user_version).
MIGRATIONS = (
    """
    CREATE TABLE job (
        id TEXT PRIMARY KEY,
        channel TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'running',
        error TEXT,
        created_at TEXT NOT NULL DEFAULT (datetime('now')),
        finished_at TEXT
    );
    CREATE TABLE transcript (
        id INTEGER PRIMARY KEY,
        channel TEXT NOT NULL,
        title TEXT NOT NULL,
        job TEXT NOT NULL REFERENCES job,
        extractor TEXT NOT NULL,
        text TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'queued',
        progress INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        UNIQUE (channel, title)
    );
    CREATE INDEX transcript_job ON transcript (job);
    -- What one transcript says, in its own words.
    CREATE TABLE mention (
        transcript INTEGER NOT NULL REFERENCES transcript,
        name TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (transcript, name)
    ) WITHOUT ROWID;
    CREATE TABLE relation (
        transcript INTEGER NOT NULL REFERENCES transcript,
        source TEXT NOT NULL,
        verb TEXT NOT NULL,
        target TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (transcript, source, verb, target)
    ) WITHOUT ROWID;
    -- The graph: all of a channel, with one name for each entity.
    CREATE TABLE entity (
        channel TEXT NOT NULL,
        name TEXT NOT NULL,
        mentions INTEGER NOT NULL,
        transcripts INTEGER NOT NULL,
        PRIMARY KEY (channel, name)
    ) WITHOUT ROWID;
    CREATE TABLE link (
        channel TEXT NOT NULL,
        source TEXT NOT NULL,
        verb TEXT NOT NULL,
        target TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (channel, source, verb, target)
    ) WITHOUT ROWID;
    """,
)


@contextmanager
def reading() -> Iterator[sqlite3.Connection]:
    """A connection of its own: one that is shared would not survive the fork of a worker's pool."""
    with closing(sqlite3.connect(settings().database, timeout=BUSY_SECONDS, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        yield db


@contextmanager
def writing() -> Iterator[sqlite3.Connection]:
    """One transaction: all of it or nothing.

    IMMEDIATE takes the lock at once. A transaction that begins by reading and then writes is refused
    without any waiting when somebody else wrote in between ("database is locked").
    """
    with reading() as db:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def migrate() -> int:
    """Applies what the file lacks, and returns how much that was."""
    settings().database.parent.mkdir(parents=True, exist_ok=True)
    with reading() as db:
        # Readers and the one writer no longer wait for each other. The file remembers it.
        db.execute("PRAGMA journal_mode = WAL")
        done: int = db.execute("PRAGMA user_version").fetchone()[0]
        for version, script in enumerate(MIGRATIONS[done:], done + 1):
            db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {version}; COMMIT;")
    return len(MIGRATIONS) - done


if __name__ == "__main__":
    print(f"{settings().database}: {migrate()} of {len(MIGRATIONS)} migrations applied")
