"""The worker: ``celery -A agent.worker worker``. What takes long happens here."""

import random
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from celery import Task
from celery.exceptions import SoftTimeLimitExceeded

from agent import files, jobs
from agent.answering import ProviderError, chosen
from agent.outside import OutsideError
from agent.queue import WRITE_BRIEFING, celery
from agent.reading.briefing import NothingToReadError, read
from agent.report import markdown
from agent.settings import settings

__all__ = ["celery", "write_briefing"]

RETRIES = 6


@celery.task(name=WRITE_BRIEFING, bind=True, max_retries=None)  # type: ignore[untyped-decorator]
def write_briefing(task: Task, job: str) -> None:
    """Does one job. What can be done again later is; what cannot is a sentence in the job."""
    try:
        found = jobs.begin(job)
        if found is None:
            return
        if found["attempts"] - task.request.retries > jobs.ATTEMPTS_LIMIT:
            jobs.fail(job, f"Gave up after {jobs.ATTEMPTS_LIMIT} attempts: each ended the worker.")
            return
        brief(found)
    except (OutsideError, ProviderError) as error:
        later(task, job, error)
    except NothingToReadError as error:
        jobs.fail(job, str(error))
    except SoftTimeLimitExceeded:
        jobs.fail(job, "Reading the documents took too long. Hand in fewer of them.")
    except Exception:
        # Nobody thought of it. The log has the whole of it, and who waits is told.
        with suppress(OutsideError):
            jobs.fail(job, "The job could not be done: there is a mistake in this application.")
        raise


def brief(found: dict[str, Any]) -> None:
    """Reads, answers and stores. Doing it twice stores the same in the same place."""
    job, question = found["id"], found["question"]
    jobs.advance(job, "fetching", 5)
    documents = [(document["name"], files.get(document["key"]).decode()) for document in found["documents"]]

    shown = 5

    def progress(stage: str, percent: int) -> None:
        # Each one is a transaction: only what a reader can tell apart.
        nonlocal shown
        if percent >= shown + 5:
            shown = percent
            jobs.advance(job, stage, percent)

    reading = read(documents, question, progress)
    answerer = chosen(settings().provider)
    jobs.advance(job, "answering", 90)
    briefing = {
        "answer": answerer.answer(question, reading.passages),
        "model": answerer.name,
        "sources": [asdict(passage) for passage in reading.passages],
        "summary": reading.summary,
        "keywords": reading.keywords,
        "sentences": reading.sentences,
        "left_out": reading.left_out,
    }
    jobs.advance(job, "storing", 95)
    files.put(f"jobs/{job}/report.md", markdown(question, briefing).encode(), "text/markdown; charset=utf-8")
    jobs.finish(job, briefing)


def later(task: Task, job: str, error: OutsideError | ProviderError) -> None:
    """Tries again, each time later; or gives up and says why."""
    tries = task.request.retries + 1
    if tries > RETRIES or (isinstance(error, ProviderError) and not error.again):
        reason = str(error) if isinstance(error, ProviderError) else f"{error.service} was away for too long."
        # Where the database itself is away nobody could be told, so the task goes on trying.
        with suppress(OutsideError):
            jobs.fail(job, f"{reason} Gave up after {tries} attempts.")
            return
    wait = min(60, 2**task.request.retries) * random.uniform(0.8, 1)  # noqa: S311 so that not all come at once
    raise task.retry(exc=error, countdown=wait)
