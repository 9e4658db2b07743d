"""Sends a task that Celery itself registers in every application.

``task.py done`` waits until the worker has done it, by the worker's own count. ``task.py result`` waits for
its result. Exit code 3: the application cannot do that, and the output says why.
"""

import os
import sys
import time
from collections.abc import Callable

from celery.app.utils import find_app
from celery.backends.base import DisabledBackend

NAME = "celery.accumulate"

app = find_app(os.environ["CELERY_APP"])
# As a worker does when it starts: this is what loads Django, for example.
app.loader.import_default_modules()
wants_result = sys.argv[1:] == ["result"]


def done() -> int | None:
    """How many such tasks all workers have done; None if no worker answers."""
    if answers := app.control.inspect(timeout=1).stats():
        return sum(stats["total"].get(NAME, 0) for stats in answers.values())
    return None


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"For 30 seconds {what}.")
        time.sleep(0.2)


obstacles = {
    "the application has no broker": app.connection_for_write().transport.driver_type == "memory",
    "the application has no result back end": wants_result and isinstance(app.backend, DisabledBackend),
    "the application keeps no results (task_ignore_result)": wants_result and app.conf.task_ignore_result,
    "the worker answers no questions (worker_enable_remote_control)": not wants_result
    and not app.conf.worker_enable_remote_control,
}
for reason, holds in obstacles.items():
    if holds:
        print(reason)
        sys.exit(3)

queue = os.environ.get("WORKER_QUEUES", "").split(",")[0]
options = {"queue": queue} if queue else {}
if not wants_result:
    wait_until(lambda: done() is not None, "no worker has answered")
before = done()
sent = app.send_task(NAME, args=["through", "the", "queue"], **options)
if wants_result:
    # Polls for the result, because not every back end can notify.
    wait_until(sent.ready, "no result has come back")
    print(*sent.get(timeout=1))
else:
    wait_until(lambda: (done() or 0) > (before or 0), "no worker has done the task")
    print("the worker has done it")
