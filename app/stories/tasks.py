"""What workers do: narrate stories when asked, and tick every ten seconds."""

import logging
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app
from sqlalchemy import or_, select

from stories import mail, narration, narrators
from stories.models import UNFINISHED, Pulse, Status, Story, db, now
from stories.narrators import NarratorError
from stories.problems import DATABASE_AWAY
from stories.storage import StorageError, current_storage

log = logging.getLogger(__name__)

STALE = timedelta(minutes=10)  # a story at work is touched with each chunk, every second or so


def backoff(retries: int) -> int:
    """Seconds before the next attempt: 2, 4, 8 … 60, with eight attempts four minutes in all."""
    return min(2 ** (retries + 1), 60)


@shared_task(bind=True, name="stories.narrate", max_retries=8)
def narrate(self: Task, story_id: str) -> None:
    """Narrate one story. Safe to run twice: see narration.claim()."""
    try:
        if story := narration.claim(UUID(story_id), self.request.id):
            narrator = narrators.choose(current_app.config)
            narration.narrate(story, narrator, current_storage())
            mail.story_is_done(story)
    except narration.Superseded:
        log.info("story %s: a newer attempt has taken over", story_id)
    except NarratorError as error:
        _end(self, story_id, str(error))
    except SoftTimeLimitExceeded:
        _end(self, story_id, "The narration took too long: hand the story in as several parts.")
    except StorageError as error:
        _try_again(self, story_id, str(error), error)
    except DATABASE_AWAY as error:
        _try_again(self, story_id, "The database could not be reached.", error)
    except Exception:
        _end(self, story_id, "The narration failed unexpectedly: the worker's log has the details.")
        raise


def _try_again(task: Task, story_id: str, sentence: str, error: Exception) -> None:
    retries = task.request.retries
    if retries >= task.max_retries:
        _end(task, story_id, f"{sentence} Gave up after {retries + 1} attempts.")
        return
    seconds = backoff(retries)
    log.warning("story %s: next attempt in %s s: %s", story_id, seconds, error)
    with suppress(*DATABASE_AWAY):
        _change(task, story_id, Status.QUEUED, f"{sentence} Next attempt in {seconds} s.")
    raise task.retry(exc=error, countdown=seconds)


def _end(task: Task, story_id: str, sentence: str) -> None:
    # When the database is away now, this raises, and tick() will find the story later.
    log.error("story %s: %s", story_id, sentence)
    _change(task, story_id, Status.FAILED, sentence)


def _change(task: Task, story_id: str, status: Status, error: str) -> None:
    db.session.rollback()  # whatever was under way when it failed
    mine = or_(Story.task_id.is_(None), Story.task_id == task.request.id)
    narration.change(UUID(story_id), mine, status=status, error=error)


@shared_task(bind=True, name="stories.tick", throws=DATABASE_AWAY)
def tick(self: Task) -> None:
    """Leave a sign of life, and queue again what was lost.

    Beat sends this and a worker runs it, so a fresh pulse proves that both are alive. It expires
    soon, and so only runs when the queue is short: what has waited for long by then is not in the
    queue any more, because the broker has lost it.
    """
    Pulse.record("beat", self.request.hostname or "")
    lost = list(
        db.session.scalars(
            select(Story)
            .where(Story.status.in_(UNFINISHED), Story.updated_at < now() - STALE)
            .limit(20)
            .with_for_update(skip_locked=True)
        )
    )
    for story in lost:
        story.status, story.task_id, story.updated_at = Status.QUEUED, None, now()
    db.session.commit()
    for story in lost:
        log.warning("story %s was forgotten in the queue, queued again", story.id)
        narrate.delay(str(story.id))
