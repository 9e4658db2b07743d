"""The worker's heartbeat and its settings, loaded by ``celery worker --include docker_roles.worker``.

The loop that takes tasks from the broker writes the heartbeat, and only while it is connected. So it stops
when the process freezes and when the broker is lost. ``celery inspect ping`` in a health check would find
out the same at a hundred times the cost.
"""

import os
import threading
import time
from typing import Any, ClassVar

from celery import bootsteps, current_app
from celery.signals import task_postrun, task_prerun, worker_shutdown

from docker_roles import heartbeat

SECONDS = 2


class Heartbeat(bootsteps.StartStopStep):
    """Is started whenever the worker has connected to its queues, and stopped before it connects again."""

    requires: ClassVar = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """With some pools the timer is a thread, so it hands the writing to the loop."""
        heartbeat.write()
        self._timer = parent.timer.call_repeatedly(SECONDS, parent.call_soon, (heartbeat.write,))

    def stop(self, parent: Any) -> None:  # noqa: ARG002 Celery's own signature
        """Says nothing any more."""
        self._timer.cancel()


@worker_shutdown.connect
def _gone(**_: Any) -> None:
    heartbeat.remove()


def beat_during_tasks() -> None:
    """Keeps the heartbeat going in the pool ``solo``, where a task runs in that loop itself.

    As in every pool, a task that hangs goes unnoticed, and a process that is frozen does not.
    """
    is_busy = threading.Event()

    def beat() -> None:
        while is_busy.wait():
            heartbeat.write()
            time.sleep(SECONDS)

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
current_app.steps["consumer"].add(Heartbeat)
if os.environ.get("WORKER_POOL") == "solo":
    beat_during_tasks()
