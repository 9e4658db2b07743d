"""A beat that shows that it is alive, and that runs once however many are started.

``Scheduler`` is the application's own scheduler (``beat_scheduler``, by default the persistent one)
with a heartbeat at each tick and a lock in Redis around it all. A second beat waits for the lock
before it opens the schedule file. One that was killed leaves a lock that ends by itself.
"""

import sys
import time
from typing import Any

from celery import current_app
from celery.utils.imports import symbol_by_name
from celery.utils.log import get_logger
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import LockError

from docker_roles import heartbeat

logger = get_logger(__name__)

LOCK_NAME = "celery-beat-lock"
# Seconds after which another beat takes over from one that was killed.
LOCK_SECONDS = 15
WAIT_SECONDS = 1.0


class Lock:
    """The right to send periodic tasks. Holds trivially where the broker is not Redis."""

    def __init__(self, broker_url: str) -> None:
        is_redis = broker_url.startswith(("redis://", "rediss://"))
        client = Redis.from_url(broker_url, socket_timeout=3) if is_redis else None
        self._lock = client.lock(LOCK_NAME, timeout=LOCK_SECONDS) if client else None

    def acquire(self) -> bool:
        """Takes the lock if it is free. Never waits."""
        return self._lock is None or self._lock.acquire(blocking=False)

    def renew(self) -> bool:
        """Keeps the lock for another while; takes it again after a Redis that lost its data.

        Returns False when somebody else has it by now.
        """
        if self._lock is None:
            return True
        try:
            return self._lock.reacquire()
        except LockError:
            self._lock.local.token = None
            return self.acquire()

    def release(self) -> None:
        """Lets the next one start at once instead of after LOCK_SECONDS."""
        if self._lock is not None and self._lock.local.token is not None:
            try:
                self._lock.release()
            except (LockError, RedisConnectionError):
                logger.warning("The lock of beat could not be released; it ends by itself.")


_Base: Any = symbol_by_name(current_app.conf.beat_scheduler)


class Scheduler(_Base):
    """The application's scheduler, with heartbeat and lock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        app = kwargs.get("app") or args[0]
        self._beat_lock = Lock(str(app.conf.broker_read_url or app.conf.broker_url or ""))
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Waits for the lock, then opens the schedule."""
        self._wait_for_lock()
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Sends what is due, if the lock is still ours.

        Without Redis it stays silent, and the missing heartbeat tells the health check.
        """
        try:
            if not self._beat_lock.renew():
                sys.exit("Another beat has taken over: this one was silent for too long.")
        except RedisConnectionError as error:
            logger.warning("Redis cannot be reached, no task is sent: %s", error)
            return WAIT_SECONDS
        heartbeat.write()
        return float(super().tick(*args, **kwargs))

    def close(self) -> None:
        """Stores the schedule and gives the lock away."""
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
            except RedisConnectionError as error:
                logger.warning("Redis cannot be reached: %s", error)
            time.sleep(WAIT_SECONDS)
