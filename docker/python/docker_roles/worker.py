"""Heartbeat and stop of the worker, brought in by ``celery worker --include docker_roles.worker``.

Celery sends ``heartbeat_sent`` every two seconds from the loop that also takes tasks from the
broker. A frozen process and a lost broker both silence it, which ``celery inspect ping`` in a
health check finds out at a hundred times the cost.
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
    """Keeps the heartbeat going while a task runs in that loop itself, as it does in the pool ``solo``.

    As everywhere, a task that hangs is not seen, and a process that is frozen is.
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
