"""Sends a task that Celery itself registers in every application.

``task.py done`` waits until the worker has done it, by the worker's own count. ``task.py result`` waits for its
result. Exit code 3: the application has no way for that, and the output says why.
"""

import os
import sys
import time

from celery.app.utils import find_app
from celery.backends.base import DisabledBackend

NAME = "celery.accumulate"

app = find_app(os.environ["CELERY_APP"])
wants_result = sys.argv[1:] == ["result"]


def leave_out(reason: str) -> None:
    print(reason)
    sys.exit(3)


def done() -> int:
    """How many such tasks all workers have done."""
    answers = app.control.inspect(timeout=2).stats() or {}
    return sum(stats["total"].get(NAME, 0) for stats in answers.values())


if app.connection_for_write().transport.driver_type == "memory":
    leave_out("the application has no broker")
if wants_result and isinstance(app.backend, DisabledBackend):
    leave_out("the application has no result back end")
if wants_result and app.conf.task_ignore_result:
    leave_out("the application keeps no results (task_ignore_result)")
if not wants_result and not app.conf.worker_enable_remote_control:
    leave_out("the worker answers no questions (worker_enable_remote_control)")

queue = os.environ.get("WORKER_QUEUES", "").split(",")[0]
before = done()
sent = app.send_task(NAME, args=["through", "the", "queue"], **({"queue": queue} if queue else {}))
if wants_result:
    print(*sent.get(timeout=30))
else:
    deadline = time.monotonic() + 30
    while done() == before:
        if time.monotonic() > deadline:
            sys.exit("The worker has not done the task within 30 seconds.")
    print("the worker has done it")
