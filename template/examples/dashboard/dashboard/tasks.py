"""What workers do."""

import logging
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app
from sqlalchemy.exc import DBAPIError

from dashboard import batches
from dashboard.models import Batch, db

log = logging.getLogger(__name__)


def backoff(retries: int) -> int:
    """Seconds before the next attempt: 1, 2, 4 … 60."""
    return min(2**retries, 60)


@shared_task(bind=True, name="dashboard.process", max_retries=8)
def process(self: Task, batch_id: str) -> None:
    """Works through a batch. Safe to run twice: see dashboard.batches."""
    try:
        batches.process(current_app.config["UPLOAD_FOLDER"], UUID(batch_id))
    except batches.SupersededError:
        log.info("batch %s: a newer attempt has taken over", batch_id)
    except SoftTimeLimitExceeded:
        _end(batch_id, "The work took too long: upload the readings as several files.")
    except DBAPIError as error:
        # The database is away, or two workers wrote into the same day at the same moment.
        db.session.rollback()
        if self.request.retries >= self.max_retries:
            _end(batch_id, "The database refused the work again and again: see the worker's log.")
            raise
        seconds = backoff(self.request.retries)
        log.warning("batch %s: goes on in %s s: %s", batch_id, seconds, error)
        raise self.retry(exc=error, countdown=seconds) from error
    except Exception:
        _end(batch_id, "The work ended unexpectedly: the worker's log has the details.")
        raise


def _end(batch_id: str, sentence: str) -> None:
    db.session.rollback()
    batch = db.session.get(Batch, UUID(batch_id), populate_existing=True)
    if batch and not batch.finished:
        batches.fail(batch, sentence)
