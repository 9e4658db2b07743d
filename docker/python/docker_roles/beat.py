"""Celery beat with a heartbeat for the health check, and with a lock so that only one runs.

``scheduler`` extends the one that BEAT_SCHEDULER names, or else the application's own (``beat_scheduler``, by
default the persistent one). It writes a heartbeat at each tick, and holds a lock in Redis. A second beat
waits for the lock before it opens the schedule file. The lock of a beat that was killed expires by itself.
"""

import atexit
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.utils.imports import load_extension_class_names, symbol_by_name
from kombu import Connection

from docker_roles import heartbeat

# Projects that share one Redis need one lock each.
LOCK_NAME = os.environ.get("BEAT_LOCK") or "celery-beat-lock"
# Seconds after which another beat takes over from one that was killed.
LOCK_SECONDS = 15
WAIT_SECONDS = 1.0
# For a Redis that is not the broker.
TIMEOUTS = {"socket_timeout": 5, "socket_connect_timeout": 5, "max_retries": 1}


class BrokerUnreachableError(Exception):
    """Redis does not answer, so it is unknown who holds the lock."""


def say(what: str) -> None:
    """Writes a line to the container's log. The application's logging may go elsewhere."""
    print(f"beat: {what}", file=sys.__stderr__, flush=True)


class Lock:
    """The right to send periodic tasks. Without a Redis it always counts as held."""

    def __init__(self, broker: Connection) -> None:
        # With RabbitMQ as broker, an application may have Redis for other things.
        url = os.environ.get("REDIS_URL", "")
        has_redis = url.startswith(("redis://", "rediss://")) and importlib.util.find_spec("redis")
        if url.startswith("rediss://") and "ssl_cert_reqs" not in url:
            # Redis's own library checks the certificate by default. Kombu does not.
            url += f"{'&' if '?' in url else '?'}ssl_cert_reqs=CERT_REQUIRED"
        other = has_redis and broker.transport.driver_type != "redis"
        self._connection = connection = Connection(url, transport_options=TIMEOUTS) if other else broker
        self.is_redis = connection.transport.driver_type == "redis"
        self._lock: Any = None

    def hold(self) -> bool:
        """Takes the lock, or extends it. Never waits for another beat.

        Returns False if another beat has it. Raises BrokerUnreachableError.
        """
        return not self.is_redis or self._ask(_hold)

    def release(self) -> None:
        """Lets the next beat start at once instead of after LOCK_SECONDS."""
        if self._lock is None or self._lock.local.token is None:
            return
        try:
            self._ask(lambda lock: lock.release())
        except BrokerUnreachableError:
            say("The lock could not be released; it ends by itself.")

    def _ask(self, question: Callable[[Any], Any]) -> bool:
        """Asks Redis. If that is the broker, uses the application's connection, with its TLS and timeouts."""
        from redis.exceptions import RedisError

        try:
            if self._lock is None:
                self._connection.connect()
                self._lock = self._connection.default_channel.client.lock(LOCK_NAME, timeout=LOCK_SECONDS)
            return bool(question(self._lock))
        except (RedisError, OSError, *self._connection.connection_errors) as error:
            raise BrokerUnreachableError(str(error)) from error


def _hold(lock: Any) -> bool:
    """Extends the lock, or takes it if it is free: Redis may have lost ours."""
    from redis.exceptions import LockError

    if lock.local.token is not None:
        try:
            return lock.reacquire()
        except LockError:
            lock.local.token = None
    return lock.acquire(blocking=False)


def chosen(app: Celery) -> Any:
    """Returns the class of the scheduler, by its path or by the short name that its package registers."""
    name = os.environ.get("BEAT_SCHEDULER") or app.conf.beat_scheduler
    cls: Any = symbol_by_name(name, aliases=dict(load_extension_class_names("celery.beat_schedulers")))
    is_there = importlib.util.find_spec("django_celery_beat") is not None
    if is_there and not any(base.__module__.startswith("django_celery_beat") for base in cls.__mro__):
        say(f"{name} sends no task of django-celery-beat. Set BEAT_SCHEDULER=django.")
    return cls


def scheduler(app: Celery, **options: Any) -> Any:
    """Returns the scheduler of an application, with heartbeat and lock. Celery takes it for a class."""
    return type("Scheduler", (Locked, chosen(app)), {})(app=app, **options)


class Locked:
    """What is added to the application's scheduler, which is the next base."""

    def __init__(self, app: Celery, **options: Any) -> None:
        self._beat_lock = Lock(app.connection_for_write())
        # Also if beat cannot start: the next start would wait for the lock, and a waiting beat is healthy.
        atexit.register(self._beat_lock.release)
        super().__init__(app=app, **options)  # type: ignore[call-arg]

    def setup_schedule(self) -> None:
        """Waits for the lock, then opens the schedule."""
        # Celery's own handler would ask for this scheduler, which does not exist yet, and wait once more.
        handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        if not self._beat_lock.is_redis:
            say("Without Redis (REDIS_URL) there is no lock: a second beat sends every task again.")
        told = ""
        while problem := self._problem():
            if problem != told:
                say(problem)
            told = problem
            time.sleep(WAIT_SECONDS)
        signal.signal(signal.SIGTERM, handler)
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Sends the tasks that are due, if the lock is still ours.

        While Redis is away it sends nothing and writes no heartbeat, so the health check fails.
        """
        try:
            if not self._beat_lock.hold():
                say("Another beat has taken over: this one was silent for too long.")
                sys.exit(1)
        except BrokerUnreachableError as error:
            say(f"Redis cannot be reached, no task is sent: {error}")
            return WAIT_SECONDS
        heartbeat.write()
        return float(super().tick(*args, **kwargs))

    def close(self) -> None:
        """Stores the schedule. The lock is released when the process ends."""
        super().close()
        heartbeat.remove()

    def _problem(self) -> str:
        """Returns why this beat has to wait, or nothing."""
        try:
            if self._beat_lock.hold():
                return ""
        except BrokerUnreachableError as error:
            return f"Redis cannot be reached, so this beat waits: {error}"
        # A beat that stands by is healthy.
        heartbeat.write()
        return "Another beat is running; this one stands by."
