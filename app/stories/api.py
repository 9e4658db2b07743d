"""The JSON API."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError

from stories import present
from stories.events import Subscription
from stories.models import Story, db
from stories.problems import Problem
from stories.submission import read_json, submit

LIST_DEFAULT, LIST_LIMIT = 20, 100

blueprint = Blueprint("api", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """This process answers. Nothing else: a database that is away must not restart the web."""
    return jsonify(status="ok")


@blueprint.get("/api/status")
def status() -> ResponseReturnValue:
    return jsonify(present.status())


@blueprint.post("/api/stories")
def create() -> ResponseReturnValue:
    body = read_json()
    story = submit(body.get("title"), body.get("text"))
    location = url_for("api.show", story_id=story.id)
    return jsonify(id=str(story.id)), HTTPStatus.ACCEPTED, {"Location": location}


@blueprint.get("/api/stories")
def index() -> ResponseReturnValue:
    """The newest stories first."""
    limit = request.args.get("limit", LIST_DEFAULT, type=int)
    return jsonify(_list(min(max(limit, 1), LIST_LIMIT)))


@blueprint.get("/api/stories/<uuid:story_id>")
def show(story_id: UUID) -> ResponseReturnValue:
    story = _find(story_id)
    return jsonify(present.story(story) | {"text": story.text})


@blueprint.get("/api/stories/<uuid:story_id>/events")
def story_events(story_id: UUID) -> ResponseReturnValue:
    """One story until it is done or failed."""
    return _stream(story_id)


@blueprint.get("/api/events")
def events() -> ResponseReturnValue:
    """All stories, for ever: one connection for a page that shows many."""
    return _stream(None)


def _find(story_id: UUID) -> Story:
    if story := db.session.get(Story, story_id):
        return story
    raise Problem(
        HTTPStatus.NOT_FOUND,
        f"There is no story {story_id}: take an id from GET /api/stories.",
    )


def _list(limit: int) -> list[dict[str, Any]]:
    return [present.story(story) for story in Story.latest(limit)]


def _stream(story_id: UUID | None) -> ResponseReturnValue:
    try:
        subscription = Subscription(story_id)
    except RedisError as error:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Live progress is not available, because Redis cannot be reached: try again later.",
        ) from error
    try:
        # The oldest first: the page puts each one that it does not know on top.
        states = [present.story(_find(story_id))] if story_id else _list(LIST_DEFAULT)[::-1]
    except Exception:
        subscription.close()
        raise
    response = Response(
        subscription.stream(states, until_finished=story_id is not None),
        mimetype="text/event-stream",
        # The second one asks a proxy (nginx and the like) not to collect the events.
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
    response.call_on_close(subscription.close)  # also when nobody ever read from the stream
    return response
