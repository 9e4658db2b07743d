"""What the worker does with the tasks in its hands when it loses Redis.

Redis keeps each task that a worker has taken until the worker acknowledges it. When the connection is lost,
kombu gives all of them back: running tasks too, which then run twice, and none at all while Redis is away, so
that they wait for the visibility timeout. Here the worker does it after it has connected again.
"""

from typing import Any, ClassVar

from celery import bootsteps
from celery.concurrency import asynpool, thread
from celery.worker import state
from kombu.transport import redis

from docker_roles.consumption import Hand

# The names in Redis under which workers keep these tasks. Under kombu's own names, every process that waits
# for an answer (Flower, `inspect` in web) would find them, and give them out again after its own visibility
# timeout.
UNACKED = {f"unacked{part}_key": f"worker.unacked{part}" for part in ("", "_index", "_mutex")}


class QoS(redis.QoS):
    """Keeps in mind what a lost connection leaves undone."""

    # What the worker takes tasks with at present. A task may have a consumer of its own.
    current: ClassVar["QoS | None"] = None
    # By their tags, the messages that the worker had taken when it lost Redis. And the tags of those that it
    # could not acknowledge.
    taken: ClassVar[dict[str, Any]] = {}
    done: ClassVar[set[str]] = set()

    gives_back = True
    is_lost = False

    def ack(self, delivery_tag: str) -> None:
        """Acknowledges a message, also one that came over a connection that is lost."""
        self.done.add(delivery_tag)
        if not self.is_lost:
            super().ack(delivery_tag)
        elif self.current:
            self.current.ack(delivery_tag)
        else:
            return
        self.done.discard(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 as in kombu
        """Throws a message away, or gives it back."""
        if not requeue:
            self.ack(delivery_tag)
        elif not self.is_lost:
            super().reject(delivery_tag, requeue)
        elif self.current:
            self.current.reject(delivery_tag, requeue)

    def restore_unacked(self, client: Any = None) -> None:
        """Called when the channel closes, because the worker ends or has lost Redis."""
        if self.gives_back:
            super().restore_unacked(client)
        else:
            self.lose()

    def lose(self) -> None:
        """Leaves what is not acknowledged to the next connection."""
        QoS.current = None
        self.is_lost = True
        self._flush()
        self.taken.update(self._delivered)
        self._delivered.clear()

    def follow(self, running: set[str]) -> None:
        """Says over a new connection what could not be said before. Running tasks stay in hand."""
        QoS.current = self
        done = set(self.done)
        runs = running - done
        self._delivered.update({tag: message for tag, message in self.taken.items() if tag in runs})
        for tag in done:
            self._remove_from_indices(tag).execute()
        for tag in reversed(self.taken):
            if tag not in runs and tag not in done:
                self.restore_by_tag(tag)
        self.taken.clear()
        self.done.difference_update(done)


class GiveBack(bootsteps.StartStopStep):
    """Starts whenever the worker has connected, and stops before its channel closes because it ends."""

    requires: ClassVar = ("celery.worker.consumer.tasks:Tasks",)
    _qos: QoS | None = None

    def start(self, parent: Any) -> None:
        """Gives back what the worker has not begun."""
        qos = parent.task_consumer.channel.qos
        # The application may have switched acknowledgements off.
        if not isinstance(qos, QoS):
            return
        self._qos = qos
        qos.gives_back = False
        if QoS.current:
            # Its channel could not be closed.
            QoS.current.lose()
        running = set(state.active_requests)
        if isinstance(parent.pool, thread.TaskPool):
            # It also runs what waited for a thread. Other pools have dropped that.
            running.update(request for request in tuple(Hand.tasks) if request._apply_result)  # noqa: SLF001
        tags = {request.message.delivery_tag for request in running}
        # First, tasks that have ended meanwhile are acknowledged: here, or by the loop if the pool has one.
        parent.perform_pending_operations()
        parent.call_soon(parent.call_soon, qos.follow, tags)

    def stop(self, parent: Any) -> None:  # noqa: ARG002 Celery's own signature
        """Leaves the rest to kombu."""
        if self._qos:
            self._qos.gives_back = True


def remember_running_tasks() -> None:
    """Lets running tasks of the pool `prefork` be acknowledged. Celery 5.3 to 5.5 forgets them."""
    flush = asynpool.AsynPool.flush

    def flush_others(pool: Any) -> None:
        running = {number: job for number, job in pool._cache.items() if job._accepted}  # noqa: SLF001
        flush(pool)
        pool._cache.update({number: job for number, job in running.items() if not job.ready()})  # noqa: SLF001

    asynpool.AsynPool.flush = flush_others


def configure(app: Any) -> dict[str, str]:
    """Prepares the worker for Redis. Returns the options of its transport."""
    remember_running_tasks()
    redis.Channel.QoS = QoS
    app.steps["consumer"].add(GiveBack)
    return UNACKED
