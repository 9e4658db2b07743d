"""The worker's heartbeat and its settings, loaded by ``celery worker --include docker_roles.worker``.

The loop that takes tasks from the broker writes the heartbeat, and only while it is connected and takes what
waits. So the heartbeat stops when the process freezes and when the broker is lost. ``celery inspect ping`` in
a health check would find out less at a hundred times the cost.
"""

import os
import queue
import threading
import time
from multiprocessing.connection import wait as readable
from typing import Any, ClassVar

from celery import bootsteps, current_app
from celery.signals import (
    task_postrun,
    task_prerun,
    task_received,
    task_rejected,
    task_revoked,
    task_unknown,
    worker_shutdown,
)
from celery.worker import WorkController, state
from celery.worker import worker as celery_worker

from docker_roles import consumption, heartbeat

SECONDS = 2
POOL = os.environ.get("WORKER_POOL")


class Heartbeat(bootsteps.StartStopStep):
    """Starts whenever the worker has connected to its queues, and stops before it connects again."""

    requires: ClassVar = ("celery.worker.consumer.tasks:Tasks",)
    _timers: tuple[Any, ...] = ()

    def start(self, parent: Any) -> None:
        """Starts the timers. With some pools the timer is a thread, so the loop does the writing."""
        heartbeat.say(heartbeat.FOLLOWS)
        watched = consumption.Consumption(parent)
        self._timers = tuple(
            parent.timer.call_repeatedly(seconds, parent.call_soon, (what,))
            for seconds, what in ((SECONDS, watched.beat), (consumption.LOOK, watched.look))
        )

    def stop(self, parent: Any) -> None:  # noqa: ARG002 Celery's own signature
        """Pauses the heartbeat until the worker has connected again or its tasks have ended."""
        for timer in self._timers:
            timer.cancel()
        heartbeat.say(heartbeat.PAUSES)


class Slots(bootsteps.StartStopStep):
    """Lets tasks wait for a free slot of the pool ``gevent``.

    Otherwise the loop that takes tasks waits for it: no heartbeat, and after two minutes no RabbitMQ.
    """

    requires: ClassVar = ("celery.worker.components:Pool",)

    def create(self, parent: Any) -> None:
        """Puts a queue between the loop and the pool."""
        self._tasks: queue.Queue[Any] = queue.Queue()
        parent.process_task = self._tasks.put
        # Celery clears this when it stops or has lost its connection: the broker gives these tasks out again.
        parent.semaphore = self._tasks.queue

    def start(self, parent: Any) -> None:
        """Starts what gives the tasks to the pool."""
        connect = parent.consumer.connect
        errors: list[Exception] = []

        def impatient() -> Any:
            connection = connect()
            drain = connection.drain_events

            def drain_events(timeout: float) -> None:
                if errors:
                    raise errors.pop()
                # The loop acknowledges only between two waits for messages, so it must not wait for long.
                drain(timeout=0.05 if parent.semaphore else timeout)

            connection.drain_events = drain_events
            return connection

        def feed() -> None:
            while True:
                parent.pool._pool.wait_available()  # noqa: SLF001
                try:
                    # Without a name for it: a task that is named here would count as one in hand.
                    parent._process_task(self._tasks.get())  # noqa: SLF001
                except Exception as error:  # noqa: BLE001 the loop ends the worker, as without this queue
                    errors.append(error)

        parent.consumer.connect = impatient
        threading.Thread(target=feed, daemon=True).start()


def a_task_runs(pool: Any) -> bool:
    """Whether any task is still running, as seen from the handler of a signal.

    There, the results of the pool ``prefork`` stay in their pipes unread.
    """
    pipes = getattr(getattr(pool, "_pool", None), "_fileno_to_outq", {})
    ended = {pipes[pipe].pid for pipe in readable(list(pipes), 0)}
    return any(request.worker_pid not in ended for request in tuple(state.active_requests))


def wait_no_longer_than_tasks() -> None:
    """Lets a worker that stops wait for its running tasks only.

    Celery 5.5 and newer wait in the handler of the signal, and always for the whole time.
    """
    wait = getattr(WorkController, "wait_for_soft_shutdown", None)
    if wait is None:
        return

    def pause_then_wait(worker: Any) -> None:
        def sleep(seconds: float) -> None:
            end = time.monotonic() + seconds
            waits_anyway = worker.app.conf.worker_enable_soft_shutdown_on_idle
            while time.monotonic() < end and (waits_anyway or a_task_runs(worker.pool)):
                time.sleep(0.1)

        heartbeat.say(heartbeat.PAUSES)
        celery_worker.sleep = sleep
        wait(worker)

    WorkController.wait_for_soft_shutdown = pause_then_wait


@worker_shutdown.connect
def _gone(**_: Any) -> None:
    heartbeat.remove()


def beat_during_tasks() -> None:
    """Keeps the heartbeat going in the pool ``solo``, where a task runs in that loop itself.

    As in every pool, a task that hangs goes unnoticed, but a process that is frozen is noticed.
    """
    is_busy = threading.Event()

    def beat() -> None:
        while is_busy.wait():
            heartbeat.write()
            time.sleep(SECONDS)

    task_prerun.connect(lambda **_: is_busy.set(), weak=False)
    task_postrun.connect(lambda **_: is_busy.clear(), weak=False)
    threading.Thread(target=beat, daemon=True).start()


def put(conf: Any, name: str, value: object) -> None:
    """Sets a setting, also where names have a prefix (Django: CELERY_): Celery looks for that name first."""
    for key in conf._to_keys(name):  # noqa: SLF001
        conf[key] = value


def configure(conf: Any) -> None:
    """Puts the worker's settings from the environment into Celery's configuration."""
    if timeout := os.environ.get("WORKER_STOP_TIMEOUT"):
        put(conf, "worker_soft_shutdown_timeout", float(timeout))
    options = dict(conf.broker_transport_options or {})
    if visibility := os.environ.get("WORKER_VISIBILITY_TIMEOUT"):
        options["visibility_timeout"] = float(visibility)
    if current_app.connection_for_read().transport.driver_type == "redis":
        # Not everybody has the packages of this transport.
        from docker_roles import redelivery

        options = {**redelivery.configure(current_app), **options}
    put(conf, "broker_transport_options", options)
    if POOL in {"threads", "gevent"}:
        # After a reconnect, each next task would raise the count again, outside the loop. Two readers would
        # then share the loop's connection: frames break, and tasks get lost.
        put(conf, "worker_enable_prefetch_count_reduction", value=False)


configure(current_app.conf)
for signal in (task_received, task_revoked, task_rejected, task_unknown):
    signal.connect(consumption.takes)
current_app.steps["consumer"].add(Heartbeat)
wait_no_longer_than_tasks()
if POOL == "solo":
    beat_during_tasks()
elif POOL == "gevent":
    current_app.steps["worker"].add(Slots)
