"""Jobs, as rows of the database."""

from typing import Any, TypedDict

from psycopg.types.json import Jsonb

from agent.database import transaction

# Deliveries after which a job is given up: one that ends its worker every time would never end.
ATTEMPTS_LIMIT = 3

SHOWN = "id, question, documents, status, stage, progress, attempts, briefing, error, created_at, finished_at"


class Document(TypedDict):
    """A file that was handed in, and where it lies in the bucket."""

    name: str
    key: str
    bytes: int


def create(job: str, question: str, documents: list[Document]) -> None:
    """A job that waits for a worker."""
    with transaction() as connection:
        connection.execute(
            "INSERT INTO jobs (id, question, documents) VALUES (%s, %s, %s)",
            (job, question, Jsonb(documents)),
        )


def find(job: str) -> dict[str, Any] | None:
    """Everything about a job, or None."""
    with transaction() as connection:
        return connection.execute(f"SELECT {SHOWN} FROM jobs WHERE id = %s", (job,)).fetchone()  # noqa: S608


def newest(count: int) -> list[dict[str, Any]]:
    """The last jobs that were handed in, without what came out of them."""
    with transaction() as connection:
        return connection.execute(
            "SELECT id, question, status, progress, created_at FROM jobs "
            "ORDER BY created_at DESC, id LIMIT %s",
            (count,),
        ).fetchall()


def begin(job: str) -> dict[str, Any] | None:
    """Counts an attempt and returns the job. None when there is nothing to do: done, failed or unknown."""
    with transaction() as connection:
        return connection.execute(
            "UPDATE jobs SET status = 'working', attempts = attempts + 1 "  # noqa: S608
            f"WHERE id = %s AND status IN ('queued', 'working') RETURNING {SHOWN}",
            (job,),
        ).fetchone()


def advance(job: str, stage: str, progress: int) -> None:
    """Says how far a job is."""
    with transaction() as connection:
        connection.execute(
            "UPDATE jobs SET stage = %s, progress = %s WHERE id = %s AND status = 'working'",
            (stage, progress, job),
        )


def finish(job: str, briefing: dict[str, Any]) -> None:
    """The job is done."""
    with transaction() as connection:
        connection.execute(
            "UPDATE jobs "
            "SET status = 'done', stage = 'done', progress = 100, briefing = %s, finished_at = now() "
            "WHERE id = %s AND status = 'working'",
            (Jsonb(briefing), job),
        )


def fail(job: str, error: str) -> None:
    """The job has failed for good, with a sentence for its reader."""
    with transaction() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'failed', error = %s, finished_at = now() "
            "WHERE id = %s AND status IN ('queued', 'working')",
            (error, job),
        )
