"""Finds out whether the worker takes the tasks that wait for it.

After some reconnects it does not: it is connected, its loop runs, and it never asks its broker for a task.
"""

import contextlib
import logging
import threading
from typing import Any, ClassVar
from weakref import WeakSet

from docker_roles import heartbeat

logger = logging.getLogger(__name__)

# Seconds between two looks, and the number of looks in a row that show a stall. Three span a minute.
LOOK = 30
LOOKS = 3


class Hand:
    """What the worker has taken, across its connections."""

    taken: ClassVar = 0
    # Tasks that run, or wait for a process, for their time or for their rate limit.
    tasks: ClassVar[WeakSet[Any]] = WeakSet()


def takes(request: Any = None, **_: Any) -> None:
    """Called for every message that the worker takes, even if it throws the message away."""
    Hand.taken += 1
    if request is not None:
        Hand.tasks.add(request)


class Stall:
    """Counts the looks at which tasks waited, the worker had room for one, and none was taken.

    It does not count seconds, because they also pass while the container is frozen.
    """

    def __init__(self) -> None:
        self._looks = 0
        self._taken = -1

    def lasts(self, waiting: int, room: int, taken: int) -> bool:
        """Returns whether this has been so for LOOKS looks in a row."""
        if waiting == 0 or room <= 0:
            self._looks = 0
        else:
            self._looks = self._looks + 1 if taken == self._taken else 1
        self._taken = taken
        return self._looks >= LOOKS


class Consumption:
    """Writes the heartbeat of one connection of the worker, as long as it takes tasks."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._stall = Stall()
        self._asking = threading.Thread()
        self._state = self._said = heartbeat.FOLLOWS

    def beat(self) -> None:
        """Says that the worker is well, or says once what is wrong."""
        if self._state != self._said:
            heartbeat.say(self._state)
        elif self._state == heartbeat.FOLLOWS:
            heartbeat.write()
        self._said = self._state

    def look(self) -> None:
        """Asks the broker in a thread, over a connection of its own: the loop must not wait for an answer."""
        # Other brokers also count messages that they would not give to this worker now (groups of SQS).
        is_known = self._consumer.connection.transport.driver_type in {"redis", "amqp"}
        if is_known and not self._asking.is_alive():
            # A worker that is paused by remote control (cancel_consumer) has no queues. A queue with a single
            # active consumer rightly gives nothing to the others.
            queues = self._consumer.task_consumer.queues
            names = [q.name for q in queues if "x-single-active-consumer" not in (q.queue_arguments or {})]
            self._asking = threading.Thread(target=self._ask, args=(names,), daemon=True)
            self._asking.start()

    def _ask(self, names: list[str]) -> None:
        waiting = 0
        errors = (OSError, *self._consumer.connection_errors, *self._consumer.channel_errors)
        with contextlib.suppress(*errors), self._consumer.app.connection_for_read() as connection:
            connection.connect()
            for name in names:
                # In Redis, an empty queue does not exist.
                with contextlib.suppress(*connection.channel_errors), connection.channel() as channel:
                    waiting += channel.queue_declare(queue=name, passive=True).message_count
        self._consumer.call_soon(self._judge, waiting)

    def _judge(self, waiting: int) -> None:
        limit = self._consumer.pool.limit
        room = min(limit, self._consumer.qos.value or limit) - len(Hand.tasks)
        if not self._stall.lasts(waiting, room, Hand.taken):
            self._state = heartbeat.FOLLOWS
            return
        if self._state == heartbeat.FOLLOWS:
            logger.error("No task is taken, although %d wait: this worker is unhealthy.", waiting)
        # Only a worker that has nothing in hand may be ended.
        self._state = heartbeat.PAUSES if Hand.tasks else heartbeat.STALLS
