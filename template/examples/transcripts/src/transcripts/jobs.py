"""Jobs and their transcripts: what the API shows, and what the tasks write.

A task writes only while its job still has the transcript. Whoever hands the same one in again makes
a new job, and what an older task finds after that is dropped.
"""

import sqlite3
import uuid
from collections.abc import Sequence
from typing import Any

from transcripts.database import reading, writing
from transcripts.extractors.base import Extraction
from transcripts.textfile import Transcript

# A transcript that ends its worker each time would come back for ever: the queue sends it again.
MAX_ATTEMPTS = 10


def create(channel: str, transcripts: Sequence[Transcript]) -> str:
    """Stores the transcripts, in place of those with the same titles. Returns the job."""
    job = uuid.uuid4().hex
    with writing() as db:
        db.execute("INSERT INTO job (id, channel) VALUES (?, ?)", (job, channel))
        for item in transcripts:
            (number,) = db.execute(
                """INSERT INTO transcript (channel, title, job, extractor, text) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT (channel, title) DO UPDATE SET job = excluded.job, text = excluded.text,
                   extractor = excluded.extractor, status = 'queued', progress = 0, attempts = 0, error = NULL
                   RETURNING id""",
                (channel, item.title, job, item.extractor, item.text),
            ).fetchone()
            forget(db, number)
    return job


def content(job: str) -> tuple[str, list[int]]:
    """The channel of a job, and the numbers of its transcripts."""
    with reading() as db:
        (channel,) = db.execute("SELECT channel FROM job WHERE id = ?", (job,)).fetchone()
        return channel, [
            number for (number,) in db.execute("SELECT id FROM transcript WHERE job = ?", (job,))
        ]


def forget(db: sqlite3.Connection, number: int) -> None:
    """Deletes what was found in a transcript."""
    db.execute("DELETE FROM mention WHERE transcript = ?", (number,))
    db.execute("DELETE FROM relation WHERE transcript = ?", (number,))


def begin(job: str, number: int) -> sqlite3.Row | None:
    """Counts an attempt and returns the transcript; None when there is nothing left to do for this job."""
    with writing() as db:
        row: sqlite3.Row | None = db.execute(
            """UPDATE transcript SET attempts = attempts + 1, status = 'extracting', progress = 0
               WHERE id = ? AND job = ? AND status NOT IN ('done', 'failed')
               RETURNING extractor, text, attempts""",
            (number, job),
        ).fetchone()
        if row and row["attempts"] > MAX_ATTEMPTS:
            sentence = f"Its worker has ended {MAX_ATTEMPTS} times. It is not tried again."
            _change(db, job, number, status="failed", error=sentence)
            return None
        return row


def _change(db: sqlite3.Connection, job: str, number: int, **values: Any) -> bool:
    columns = ", ".join(f"{name} = ?" for name in values)
    where = "id = ? AND job = ? AND status NOT IN ('done', 'failed')"
    sql = f"UPDATE transcript SET {columns} WHERE {where}"  # noqa: S608 the names are ours
    return db.execute(sql, (*values.values(), number, job)).rowcount == 1


def change(job: str, number: int, **values: Any) -> bool:
    """Sets columns of a transcript that is not finished. False when the job does not have it any more."""
    with writing() as db:
        return _change(db, job, number, **values)


def complete(job: str, number: int, found: Extraction) -> bool:
    """Stores what was found and marks the transcript as done, both or neither."""
    with writing() as db:
        if not _change(db, job, number, status="done", progress=100, error=None):
            return False
        forget(db, number)
        db.executemany(
            "INSERT INTO mention VALUES (?, ?, ?)",
            [(number, name, count) for name, count in found.mentions.items()],
        )
        db.executemany(
            "INSERT INTO relation VALUES (?, ?, ?, ?, ?)",
            [(number, *relation, count) for relation, count in found.relations.items()],
        )
        return True


def finish(job: str, error: str | None = None) -> None:
    """Ends a job: done, partial when transcripts of it have failed, failed when all have or for an error."""
    with writing() as db:
        total, failed = db.execute(
            "SELECT count(*), coalesce(sum(status = 'failed'), 0) FROM transcript WHERE job = ?", (job,)
        ).fetchone()
        status = "done" if not failed else "partial" if failed < total else "failed"
        db.execute(
            "UPDATE job SET status = ?, error = ?, finished_at = datetime('now') WHERE id = ?",
            ("failed" if error else status, error, job),
        )


def find(job: str) -> dict[str, Any] | None:
    """A job and all its transcripts, as the API shows them."""
    with reading() as db:
        row = db.execute("SELECT id AS job, channel, status, error FROM job WHERE id = ?", (job,)).fetchone()
        return row and dict(row) | {"transcripts": _transcripts(db, "job", job)}


def channel(name: str) -> dict[str, Any]:
    """What a channel has."""
    with reading() as db:
        counted = {
            table: db.execute(f"SELECT count(*) FROM {table} WHERE channel = ?", (name,)).fetchone()[0]  # noqa: S608
            for table in ("entity", "link")
        }
        return {
            "channel": name,
            "entities": counted["entity"],
            "links": counted["link"],
            "transcripts": _transcripts(db, "channel", name),
        }


def _transcripts(db: sqlite3.Connection, column: str, value: str) -> list[dict[str, Any]]:
    rows = db.execute(
        f"""SELECT title, extractor, status, progress, attempts, error FROM transcript
            WHERE {column} = ? ORDER BY title""",  # noqa: S608 the column is ours
        (value,),
    )
    return [dict(row) for row in rows]
