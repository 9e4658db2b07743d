"""What Celery's commands load: celery -A stories.worker:celery worker, beat, flower."""

import time
from contextlib import suppress
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent
from sqlalchemy.exc import SQLAlchemyError

from stories import create_app
from stories.models import Pulse, db

PULSE_SECONDS = 10

app = create_app()
celery: Celery = app.extensions["celery"]

_last_pulse = 0.0


@heartbeat_sent.connect
def record_pulse(sender: Any, **_: object) -> None:
    """Note that this worker lives: idle or busy, with beat or without.

    Celery sends the signal every two seconds while the worker has its broker.
    """
    global _last_pulse  # noqa: PLW0603 - one worker, one heart
    if time.monotonic() < _last_pulse + PULSE_SECONDS:
        return
    _last_pulse = time.monotonic()
    with app.app_context(), suppress(SQLAlchemyError):  # tasks say when the database is away
        Pulse.record("worker", sender.eventer.hostname)
        db.session.commit()
