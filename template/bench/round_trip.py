# ruff: noqa: INP001 - it is read into a container, and belongs to no package
"""Prints how many milliseconds a task takes to the worker and back, as the median of many.

``python - APP [QUEUE]``, in a container of the application. The task is ``celery.accumulate``, which
Celery itself registers in every application and which returns what it is given. Its way back needs no
result backend: a callback (``link``) makes the worker send the result to a queue of our own.
"""

import statistics
import sys
import time
import uuid

from celery import Celery
from celery.app.utils import find_app

WARM_UP = 100
COUNT = 500
PATIENCE = 10  # seconds for one task


def round_trips(app: Celery, queue: str | None) -> list[float]:
    """Sends one task after the other and returns the seconds of each."""
    name = f"bench-{uuid.uuid4().hex}"
    callback = app.signature("bench.back", queue=name, immutable=True)
    seconds = []
    with app.connection_for_read() as connection:
        back = connection.SimpleQueue(app.amqp.queues[name], no_ack=True)
        try:
            for number in range(WARM_UP + COUNT):
                started = time.perf_counter()
                app.send_task("celery.accumulate", args=[number], queue=queue, link=callback)
                back.get(timeout=PATIENCE)
                seconds.append(time.perf_counter() - started)
        finally:
            back.queue.delete()
    return seconds[WARM_UP:]


if __name__ == "__main__":
    application, *queues = sys.argv[1:]
    found = find_app(application)
    print(statistics.median(round_trips(found, next(filter(None, queues), None))) * 1000)
