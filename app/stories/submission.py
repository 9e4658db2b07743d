"""From the bytes of a request to a story in the queue, or to a sentence that says why not."""

import json
import logging
from http import HTTPStatus
from urllib.parse import parse_qs
from uuid import UUID

from flask import request
from kombu.exceptions import OperationalError as QueueAway
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import RequestEntityTooLarge

from stories.config import BODY_LIMIT, TEXT_LIMIT, TITLE_LIMIT
from stories.models import Story, db
from stories.problems import DATABASE_AWAY, Problem, database_problem
from stories.tasks import narrate

log = logging.getLogger(__name__)


def read_json() -> dict[str, object]:
    """The request's JSON object."""
    if not request.is_json:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The request is not JSON: send it with the header Content-Type: application/json.",
        )
    try:
        # RecursionError: a megabyte of opening brackets.
        body = json.loads(_body())
    except (ValueError, RecursionError) as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"The JSON cannot be read ({error}): correct it and send it again.",
        ) from error
    if not isinstance(body, dict):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            'The JSON is not an object: send {"title": "…", "text": "…"}.',
        )
    return body


def read_form() -> dict[str, str]:
    """The fields of the page's form. Flask's own parser would replace bytes that are no UTF-8."""
    if request.mimetype != "application/x-www-form-urlencoded":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The form has an unknown encoding: send it as application/x-www-form-urlencoded.",
        )
    body = _body()
    try:
        fields = parse_qs(body, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise _not_utf8() from error
    # Browsers send line breaks as CR LF.
    return {name: values[0].replace("\r\n", "\n") for name, values in fields.items()}


def _body() -> str:
    body = request.get_data()
    if len(body) >= BODY_LIMIT:  # a chunked one has no length to refuse, and is cut without a word
        raise RequestEntityTooLarge
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8() from error


def _not_utf8() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "The request is not UTF-8: save the text as UTF-8.")


def submit(title: object, text: object, story_id: UUID | None = None) -> Story:
    """Store a story and put it into the queue: both, or neither."""
    story = Story(
        id=story_id,
        title=_checked("title", title, TITLE_LIMIT, HTTPStatus.BAD_REQUEST),
        text=_checked("text", text, TEXT_LIMIT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    )
    try:
        db.session.add(story)
        db.session.commit()  # first: a worker may ask for the row at once
        try:
            narrate.delay(str(story.id))
        except (QueueAway, RedisError, OSError) as error:
            log.error("queue: %s", error)
            db.session.delete(story)
            db.session.commit()
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The queue cannot be reached, so the story was not saved: try again in a moment.",
            ) from error
    except DBAPIError as error:
        if isinstance(error, DATABASE_AWAY):
            raise database_problem(error) from error
        raise
    return story


def _checked(name: str, value: object, limit: int, too_long: HTTPStatus) -> str:
    if not isinstance(value, str) or not (value := value.strip()):
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"The {name} is empty: write 1 to {limit:,} characters."
        )
    if len(value) > limit:
        raise Problem(
            too_long,
            f"The {name} has {len(value):,} characters, {limit:,} are possible: shorten it.",
        )
    # Neither can be stored: PostgreSQL has no NUL, and half a surrogate pair is no character.
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"The {name} has a character that is not text (NUL or a lone surrogate): remove it.",
        )
    return value
