"""What workers do: read each transcript, then join what they found.

The transcripts of a job are the header of a chord, the graph is its body. A chord fails as a whole
when a task of its header raises, and then the body never runs. Therefore ``extract`` does not raise
for a transcript that cannot be read: it writes down why, and ends well.
"""

import logging
import random
import sqlite3
from collections.abc import Sequence
from typing import Any

from celery import Task, chord
from celery.exceptions import SoftTimeLimitExceeded
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from transcripts import graph, jobs
from transcripts.extractors import EXTRACTORS
from transcripts.extractors.base import ExtractorError, UnavailableError
from transcripts.settings import settings
from transcripts.textfile import Transcript
from transcripts.worker import app

log = logging.getLogger(__name__)

LONGEST_BACKOFF = 60  # seconds


def submit(channel: str, transcripts: Sequence[Transcript]) -> str:
    """Stores transcripts and queues the work. Returns the job.

    Raises what the broker raises when it is away; the job is then marked as failed. It is one message,
    so a job is queued or not, and never by half.
    """
    job = jobs.create(channel, transcripts)
    try:
        start.apply_async((job,), link_error=job_failed.s(job), retry=False)
    except Exception:
        jobs.finish(job, "It could not be queued. Hand the transcripts in again.")
        raise
    return job


def backoff(retries: int) -> float:
    """Seconds before the next try: twice as long each time, and not the same for all that failed at once."""
    return min(settings().retry_seconds * 2**retries, LONGEST_BACKOFF) * random.uniform(0.75, 1)  # noqa: S311


@app.task(
    name="transcripts.start",
    ignore_result=True,
    autoretry_for=(sqlite3.OperationalError, OperationalError, RedisError),
    retry_backoff=True,
)
def start(job: str) -> None:
    """Sends a job's tasks.

    A worker does it and not the API, because it can try again: a chord is many messages, and Redis may
    go away between two of them.
    """
    channel, numbers = jobs.content(job)
    # The net below the net: should a task raise after all, the job says so instead of running for ever.
    body = build_graph.si(channel, job).on_error(job_failed.s(job))
    if numbers:
        chord([extract.s(job, number) for number in numbers], body).apply_async()
    else:  # a newer job has them all
        jobs.finish(job)


@app.task(
    bind=True,
    name="transcripts.extract",
    max_retries=3,
    # The database is away or its disk is full: nothing can be written down, so the queue has to remember.
    autoretry_for=(sqlite3.OperationalError,),
    retry_backoff=True,
)
def extract(self: Task, job: str, number: int) -> int:
    """Reads one transcript.

    The result is the same however often and however it ends, because the chord counts results: of a
    task that is delivered twice, two different ones would count as two tasks.
    """
    transcript = jobs.begin(job, number)
    if transcript is None:
        return number
    told = 0

    def progress(percent: int) -> None:
        nonlocal told
        if percent >= told + 5:
            told = percent
            jobs.change(job, number, progress=percent)

    try:
        extractor = EXTRACTORS[transcript["extractor"]]()
        jobs.complete(job, number, extractor.extract(transcript["text"], f"{job}:{number}", progress))
    except UnavailableError as error:
        if self.request.retries >= self.max_retries:
            _fail(job, number, f"{error} Gave up after {transcript['attempts']} attempts.")
        else:
            seconds = backoff(self.request.retries)
            jobs.change(job, number, status="retrying", error=f"{error} Next attempt in {seconds:.1f} s.")
            raise self.retry(exc=error, countdown=seconds) from error
    except ExtractorError as error:
        _fail(job, number, str(error))
    except SoftTimeLimitExceeded:
        _fail(job, number, "Reading it took too long. Hand it in as parts.")
    except sqlite3.OperationalError:
        raise
    except Exception:
        log.exception("transcript %s of job %s", number, job)
        _fail(job, number, "Reading it failed unexpectedly. The worker's log has the details.")
    return number


def _fail(job: str, number: int, sentence: str) -> None:
    log.error("transcript %s of job %s: %s", number, job, sentence)
    jobs.change(job, number, status="failed", error=sentence)


@app.task(
    name="transcripts.build_graph",
    autoretry_for=(sqlite3.OperationalError,),
    retry_backoff=True,
    max_retries=5,
)
def build_graph(channel: str, job: str) -> None:
    """Joins what the transcripts of a channel say, whoever handed them in."""
    graph.build(channel)
    jobs.finish(job)


@app.task(name="transcripts.job_failed")
def job_failed(_request: Any, error: Exception, _traceback: Any, job: str) -> None:
    """Ends a job whose chord has failed."""
    log.error("job %s: %s", job, error)
    jobs.finish(job, "The job failed unexpectedly. The worker's log has the details.")
