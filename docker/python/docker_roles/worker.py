"""The worker's heartbeat and its stop timeout, loaded by ``celery worker --include docker_roles.worker``.

Celery sends ``heartbeat_sent`` every two seconds from the loop that also takes tasks from the broker. It
stops when the process freezes and when the broker is lost. ``celery inspect ping`` in a health check would
find out the same at a hundred times the cost.
"""

import os
import threading
import time
from typing import Any

from celery import current_app
from celery.signals import heartbeat_sent, task_postrun, task_prerun, worker_ready, worker_shutdown

from docker_roles import heartbeat


@worker_ready.connect
@heartbeat_sent.connect
def _alive(**_: Any) -> None:
    heartbeat.write()


@worker_shutdown.connect
def _gone(**_: Any) -> None:
    heartbeat.remove()


def beat_during_tasks(seconds: float = 2) -> None:
    """Keeps the heartbeat going in the pool ``solo``, where a task runs in that loop itself.

    As in every pool, a task that hangs goes unnoticed, and a process that is frozen does not.
    """
    is_busy = threading.Event()

    def beat() -> None:
        while is_busy.wait():
            heartbeat.write()
            time.sleep(seconds)

    task_prerun.connect(lambda **_: is_busy.set(), weak=False)
    task_postrun.connect(lambda **_: is_busy.clear(), weak=False)
    threading.Thread(target=beat, daemon=True).start()


def configure(conf: Any) -> None:
    """Puts the worker's settings from the environment into Celery's configuration."""
    if timeout := os.environ.get("WORKER_STOP_TIMEOUT"):
        conf.worker_soft_shutdown_timeout = float(timeout)
    if visibility := os.environ.get("WORKER_VISIBILITY_TIMEOUT"):
        options = dict(conf.broker_transport_options or {})
        conf.broker_transport_options = {**options, "visibility_timeout": float(visibility)}


configure(current_app.conf)
if os.environ.get("WORKER_POOL") == "solo":
    beat_during_tasks()
