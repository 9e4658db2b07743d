"""Celery beat with a heartbeat for the health check, and with a lock so that only one runs.

``Scheduler`` is the application's own scheduler (``beat_scheduler``, by default the persistent one)
with a heartbeat at each tick and a lock in Redis around it all. A second beat waits for the lock
before it opens the schedule file. The lock of a beat that was killed expires by itself.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from celery import current_app
from celery.utils.imports import symbol_by_name
from celery.utils.log import get_logger
from kombu import Connection

from docker_roles import heartbeat

logger = get_logger(__name__)

# Projects that share one Redis need one lock each.
LOCK_NAME = os.environ.get("BEAT_LOCK") or "celery-beat-lock"
# Seconds after which another beat takes over from one that was killed.
LOCK_SECONDS = 15
WAIT_SECONDS = 1.0


class BrokerUnreachableError(Exception):
    """Redis does not answer, so nobody knows who holds the lock."""


class Lock:
    """The right to send periodic tasks. With a broker other than Redis it always counts as held."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_redis = connection.transport.driver_type == "redis"
        self._lock: Any = None

    def acquire(self) -> bool:
        """Takes the lock if it is free. Never waits. Raises BrokerUnreachableError."""
        return not self._is_redis or self._ask(lambda lock: lock.acquire(blocking=False))

    def renew(self) -> bool:
        """Extends the lock, or takes it again if Redis has lost it.

        Returns False if another beat has taken it. Raises BrokerUnreachableError.
        """
        if not self._is_redis:
            return True
        if self._lock is None or self._lock.local.token is None:
            return self.acquire()
        return self._ask(_reacquire) or self.acquire()

    def release(self) -> None:
        """Lets the next one start at once instead of after LOCK_SECONDS."""
        if self._lock is None or self._lock.local.token is None:
            return
        try:
            self._ask(lambda lock: lock.release())
        except BrokerUnreachableError:
            logger.warning("The lock of beat could not be released; it ends by itself.")

    def _ask(self, question: Callable[[Any], Any]) -> bool:
        """Asks Redis over the application's own broker connection, with its TLS and its timeouts."""
        from redis.exceptions import RedisError

        try:
            if self._lock is None:
                client = self._connection.default_channel.client
                self._lock = client.lock(LOCK_NAME, timeout=LOCK_SECONDS)
            return bool(question(self._lock))
        except (RedisError, OSError, *self._connection.connection_errors) as error:
            raise BrokerUnreachableError(str(error)) from error


def _reacquire(lock: Any) -> bool:
    """Extends a lock, or forgets it if it is no longer ours."""
    from redis.exceptions import LockError

    try:
        return lock.reacquire()
    except LockError:
        lock.local.token = None
        return False


_Base: Any = symbol_by_name(current_app.conf.beat_scheduler)


class Scheduler(_Base):
    """The application's scheduler, with heartbeat and lock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        app = kwargs.get("app") or args[0]
        self._beat_lock = Lock(app.connection_for_write())
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Waits for the lock, then opens the schedule."""
        self._wait_for_lock()
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Sends the tasks that are due, if the lock is still ours.

        While Redis is away it sends nothing and writes no heartbeat, so the health check fails.
        """
        try:
            if not self._beat_lock.renew():
                logger.error("Another beat has taken over: this one was silent for too long.")
                sys.exit(1)
        except BrokerUnreachableError as error:
            logger.warning("Redis cannot be reached, no task is sent: %s", error)
            return WAIT_SECONDS
        heartbeat.write()
        return float(super().tick(*args, **kwargs))

    def close(self) -> None:
        """Stores the schedule and releases the lock."""
        super().close()
        self._beat_lock.release()
        heartbeat.remove()

    def _wait_for_lock(self) -> None:
        told = False
        while True:
            try:
                if self._beat_lock.acquire():
                    return
                heartbeat.write()
                if not told:
                    logger.warning("Another beat is running; this one stands by.")
                    told = True
            except BrokerUnreachableError as error:
                logger.warning("Redis cannot be reached: %s", error)
            time.sleep(WAIT_SECONDS)
