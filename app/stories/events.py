"""Live progress: workers publish on Redis, web processes pass it on as server-sent events."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError
from redis.retry import Retry

from stories import present
from stories.models import Story

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 15  # proxies cut silent connections, usually after 60
RETRY = "retry: 3000\n\n"  # a browser whose stream broke comes back after three seconds


def init_app(app: Flask) -> None:
    app.extensions["redis"] = Redis.from_url(
        app.config["REDIS_URL"],
        socket_connect_timeout=2,
        socket_timeout=3,
        retry=Retry(NoBackoff(), 0),
    )


def _channel(story_id: UUID | str) -> str:
    # Redis has one set of channels for all of its databases, hence the number.
    number = _redis().connection_pool.connection_kwargs.get("db", 0)
    return f"{number}.stories.{story_id}"


def _redis() -> Redis:
    return current_app.extensions["redis"]


def publish(story: Story) -> None:
    """Tell whoever is watching. Without Redis nobody is told; the database has the truth."""
    try:
        _redis().publish(_channel(story.id), json.dumps(present.story(story)))
    except RedisError as error:
        log.warning("progress of story %s was not published: %s", story.id, error)


class Subscription:
    """Everything that happens to one story, or to all, from the moment it was made.

    Subscribe first and read the database then: what happens in between is heard, not missed.
    """

    def __init__(self, story_id: UUID | None = None) -> None:
        self._pubsub: PubSub = _redis().pubsub()
        try:
            self._pubsub.psubscribe(_channel(story_id or "*"))
            # Redis has the subscription when it confirms it, not when it was sent.
            self._pubsub.get_message(timeout=2)
        except RedisError:
            self.close()
            raise

    def close(self) -> None:
        self._pubsub.close()

    def stream(self, states: list[dict[str, Any]], until_finished: bool) -> Iterator[str]:
        """Server-sent events: first these states, then each change."""
        try:
            yield RETRY
            for state in states:
                yield _event(state)
            if until_finished and all(_finished(state) for state in states):
                return
            for state in self._changes():
                yield _event(state) if state else ": keep-alive\n\n"
                if until_finished and state and _finished(state):
                    return
        except RedisError as error:
            log.warning("a stream of events ended early, the browser will come back: %s", error)
        finally:
            self.close()

    def _changes(self) -> Iterator[dict[str, Any] | None]:
        while True:
            message = self._pubsub.get_message(
                ignore_subscribe_messages=True, timeout=KEEP_ALIVE_SECONDS
            )
            yield json.loads(message["data"]) if message else None


def _event(state: dict[str, Any]) -> str:
    return f"data: {json.dumps(state)}\n\n"


def _finished(state: dict[str, Any]) -> bool:
    return state["status"] in ("done", "failed")
