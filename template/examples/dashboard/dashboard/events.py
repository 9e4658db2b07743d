"""Live progress: workers publish in Redis, and every browser that is looking gets it as an event.

A browser costs a thread of its server process for as long as it looks, but no connection to Redis and none
to the database: one listener in each process hands on to all. So that streams never take the last thread, a
process has fewer of them than threads; a browser that gets none asks the API every few seconds.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from operator import methodcaller
from typing import Any

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from dashboard import present
from dashboard.models import Batch

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 10  # a browser that left is noticed when something is written to it
RECONNECT_SECONDS = 1
State = dict[str, Any]


class Viewer:
    """One browser's letter box. Of several changes to a batch, it keeps the newest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._states: dict[str, State] = {}
        self._stale = True
        self._closed = False

    def put(self, state: State) -> None:
        """A batch has changed."""
        with self._changed:
            self._states[state["id"]] = state
            self._changed.notify()

    def make_stale(self) -> None:
        """Something may have been missed."""
        with self._changed:
            self._stale = True
            self._changed.notify()

    def close(self) -> None:
        """Ends the stream."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def events(self, read: Callable[[], list[State]]) -> Iterator[str]:
        """Server-sent events: what there is (by ``read``), then each change."""
        yield f"retry: {RECONNECT_SECONDS * 1000}\n\n"
        while True:
            with self._changed:
                if not (self._stale or self._states or self._closed):
                    self._changed.wait(KEEP_ALIVE_SECONDS)
                if self._closed:
                    return
                stale, self._stale = self._stale, False
                states, self._states = list(self._states.values()), {}
            if stale:
                yield _event("batches", read())
            elif not states:
                yield ": keep-alive\n\n"
            else:
                yield "".join(_event("batch", state) for state in states)


class Hub:
    """All browsers of this process, and the one connection to Redis that they share."""

    def __init__(self, url: str, limit: int) -> None:
        self.redis = Redis.from_url(
            url,
            socket_connect_timeout=2,
            socket_timeout=5,
            health_check_interval=KEEP_ALIVE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        # Redis has one set of channels for all of its databases, hence the number.
        self.channel = f"{self.redis.connection_pool.connection_kwargs.get('db', 0)}.dashboard.batches"
        self._limit = limit
        self._lock = threading.Lock()
        self._viewers: set[Viewer] = set()
        self._listener: threading.Thread | None = None
        self._closing = threading.Event()

    def join(self) -> Viewer | None:
        """A place for one more browser, or None when there is none left."""
        with self._lock:
            if len(self._viewers) >= self._limit or self._closing.is_set():
                return None
            viewer = Viewer()
            self._viewers.add(viewer)
            # Not earlier: a thread that is there when a server forks is not there in its children.
            if self._listener is None:
                self._listener = threading.Thread(target=self._listen, name="events", daemon=True)
                self._listener.start()
            return viewer

    def leave(self, viewer: Viewer) -> None:
        """The browser has gone."""
        with self._lock:
            self._viewers.discard(viewer)

    def close(self) -> None:
        """Ends all streams, so that the server need not wait for them."""
        self._closing.set()
        self._tell(Viewer.close)

    def _tell(self, what: Callable[[Viewer], None]) -> None:
        with self._lock:
            for viewer in self._viewers:
                what(viewer)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                with self.redis.pubsub() as subscription:
                    subscription.subscribe(self.channel)
                    self._hand_on(subscription)
            except RedisError as error:
                log.warning("Redis cannot be reached, progress is not live: %s", error)
                self._closing.wait(RECONNECT_SECONDS)

    def _hand_on(self, subscription: Any) -> None:
        while not self._closing.is_set():
            message = subscription.get_message(timeout=KEEP_ALIVE_SECONDS)
            if message and message["type"] == "subscribe":
                # Whatever happened before this moment was not heard.
                self._tell(Viewer.make_stale)
            elif message and message["type"] == "message":
                self._tell(methodcaller("put", json.loads(message["data"])))


def init_app(app: Flask) -> None:
    """Makes the hub. It connects when the first browser comes."""
    app.extensions["hub"] = Hub(app.config["REDIS_URL"], app.config["STREAM_LIMIT"])


def hub() -> Hub:
    """The hub of the current application."""
    return current_app.extensions["hub"]


def publish(batch: Batch) -> None:
    """Tells whoever is looking. Without Redis nobody is told; the database has the truth."""
    try:
        hub().redis.publish(hub().channel, json.dumps(present.batch(batch)))
    except RedisError as error:
        log.warning("progress of batch %s was not published: %s", batch.id, error)


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
