"""The JSON API and the page: what they take, and what they refuse."""

import io
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update

from stories.config import TEXT_LIMIT
from stories.models import Pulse, Status, Story, db, now

FORM = "application/x-www-form-urlencoded"


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(Story)) or 0


def test_a_story_is_queued_and_can_be_read(client: FlaskClient) -> None:
    answer = client.post("/api/stories", json={"title": " Fox ", "text": "Once.\n"})
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/stories/{answer.json['id']}"
    story = client.get(answer.headers["Location"]).json
    expected = {"title": "Fox", "text": "Once.", "status": "queued", "progress": 0}
    assert story | expected == story
    assert story["audio_url"] is story["error"] is None


def test_the_list_is_bounded_and_begins_with_the_newest(client: FlaskClient) -> None:
    for number in range(3):
        client.post("/api/stories", json={"title": str(number), "text": "Once."})
    assert [story["title"] for story in client.get("/api/stories").json] == ["2", "1", "0"]
    assert [story["title"] for story in client.get("/api/stories?limit=1").json] == ["2"]
    assert len(client.get("/api/stories?limit=-5").json) == 1


def as_json(**fields: object) -> dict[str, Any]:
    return {"data": json.dumps(fields), "content_type": "application/json"}


def raw(data: bytes) -> dict[str, Any]:
    return {"data": data, "content_type": "application/json"}


def chunked(data: bytes) -> dict[str, Any]:
    """A body without a Content-Length, as a WSGI server hands it over."""
    return {
        "input_stream": io.BytesIO(data),
        "content_type": "application/json",
        "headers": {"Transfer-Encoding": "chunked"},
        "environ_overrides": {"wsgi.input_terminated": True},
    }


REFUSED = [
    pytest.param(as_json(title="", text="x"), 400, "title is empty", id="empty title"),
    pytest.param(as_json(title="x", text=" \n"), 400, "text is empty", id="blank text"),
    pytest.param(as_json(title="x"), 400, "text is empty", id="no text"),
    pytest.param(as_json(title=1, text="x"), 400, "title is empty", id="title is a number"),
    pytest.param(as_json(title="x" * 201, text="x"), 400, "title has 201", id="long title"),
    pytest.param(as_json(title="x", text="a\0b"), 400, "NUL", id="NUL"),
    pytest.param(as_json(title="\ud83d", text="x"), 400, "surrogate", id="half an emoji"),
    pytest.param(as_json(title="x", text="x" * (TEXT_LIMIT + 1)), 413, "50,001", id="long text"),
    pytest.param(raw(b"{"), 400, "JSON cannot be read", id="malformed"),
    pytest.param(raw(b""), 400, "JSON cannot be read", id="no body"),
    pytest.param(raw(b"[" * 100_000), 400, "JSON cannot be read", id="endless nesting"),
    pytest.param(raw(b'["title"]'), 400, "not an object", id="not an object"),
    pytest.param(raw('{"title": "Füchse"}'.encode("latin-1")), 400, "not UTF-8", id="latin-1"),
    pytest.param(raw(b" " * 10_000_000), 413, "larger than 1024 KiB", id="10 MB"),
    pytest.param(chunked(b" " * 10_000_000), 413, "larger than 1024 KiB", id="10 MB in chunks"),
    pytest.param({"data": "title=x&text=x", "content_type": FORM}, 415, "not JSON", id="a form"),
    pytest.param({"data": "{}"}, 415, "not JSON", id="no content type"),
]


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(("request_", "status", "sentence"), REFUSED)
def test_refused(client: FlaskClient, request_: dict[str, Any], status: int, sentence: str) -> None:
    answer = client.post("/api/stories", **request_)
    assert answer.status_code == status
    assert list(answer.json) == ["error"]
    assert sentence in answer.json["error"]
    assert count() == 0


def test_the_longest_text_fits_even_when_escaped(client: FlaskClient) -> None:
    foxes = "🦊" * TEXT_LIMIT  # twelve bytes each
    assert client.post("/api/stories", **as_json(title="x", text=foxes)).status_code == 202
    assert client.post("/", data={"title": "x", "text": foxes}).status_code == 303


@pytest.mark.parametrize("path", ["", "/events"])
def test_an_unknown_story(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/api/stories/{uuid4()}{path}")
    assert answer.status_code == 404
    assert "There is no story" in answer.json["error"]


def test_an_unknown_address_and_method(client: FlaskClient) -> None:
    assert "error" in client.get("/api/stories/first").json
    answer = client.delete("/api/stories")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "error" in answer.json


def test_a_bug_shows_no_stack_trace(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Story, "latest", lambda limit: 1 / 0)
    answer = app.test_client().get("/api/stories")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert "error" in answer.json


@pytest.mark.usefixtures("context")
def test_status_shows_who_lives(client: FlaskClient) -> None:
    assert said(client) == ["reachable", "not seen yet", "unknown without a worker"]
    for name in ("worker", "beat"):
        Pulse.record(name, "one")
        Pulse.record(name, "two")
    db.session.commit()
    assert said(client) == ["reachable", "running", "ticking"]
    assert client.get("/api/status").json["beat"]["host"] == "two"


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("silent", "states"),
    [
        (["worker"], ["reachable", "not running", "ticking"]),
        (["beat"], ["reachable", "running", "not ticking"]),
        (["worker", "beat"], ["reachable", "not running", "unknown without a worker"]),
    ],
)
def test_status_blames_only_who_is_known_to_be_silent(
    client: FlaskClient, silent: list[str], states: list[str]
) -> None:
    for name in ("worker", "beat"):
        Pulse.record(name, "host")
    db.session.execute(
        update(Pulse).where(Pulse.name.in_(silent)).values(seen_at=now() - timedelta(seconds=31))
    )
    db.session.commit()
    assert said(client) == states


def said(client: FlaskClient) -> list[str]:
    status = client.get("/api/status").json
    return [status[name]["says"] for name in ("queue", "worker", "beat")]


@pytest.mark.usefixtures("context")
def test_queue_away(app_without: Callable[[str], Flask]) -> None:
    client = app_without("REDIS_URL").test_client()
    started = time.monotonic()
    answer = client.post("/api/stories", json={"title": "x", "text": "x"})
    assert answer.status_code == 503
    assert "queue cannot be reached" in answer.json["error"]
    assert time.monotonic() - started < 3
    assert count() == 0
    assert client.get("/healthz").status_code == 200
    assert client.get("/api/stories").status_code == 200
    assert client.get("/api/events").status_code == 503
    assert said(client)[:2] == ["Redis cannot be reached", "unknown without the queue"]


def test_database_away(app_without: Callable[[str], Flask]) -> None:
    client = app_without("DATABASE_URL").test_client()
    for answer in (
        client.get("/api/stories"),
        client.get("/api/status"),
        client.post("/api/stories", json={"title": "x", "text": "x"}),
    ):
        assert answer.status_code == 503
        assert "database cannot be reached" in answer.json["error"]
    assert client.get("/healthz").status_code == 200
    page = client.get("/")
    assert page.status_code == 503
    assert "database cannot be reached" in page.text


def test_a_database_without_tables_says_what_to_run(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        engine = db.engine
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE story RENAME TO hidden"))
    answer = client.get("/api/stories")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO story"))
    assert answer.status_code == 503
    assert "flask db upgrade" in answer.json["error"]


def test_the_page_works_without_javascript(client: FlaskClient) -> None:
    answer = client.post("/", data={"title": "<b>Fox</b>", "text": "Once."})
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"]).text
    assert "&lt;b&gt;Fox&lt;/b&gt;" in page
    assert "is in the queue" in page


def test_the_page_keeps_what_was_typed(client: FlaskClient) -> None:
    answer = client.post("/", data={"title": " ", "text": "A long story & a good one"})
    assert answer.status_code == 400
    assert "The title is empty" in answer.text
    assert "A long story &amp; a good one" in answer.text


@pytest.mark.parametrize(
    ("data", "content_type", "status", "sentence"),
    [
        (b"title=F%FCchse&text=x", FORM, 400, "not UTF-8"),
        (b"title=F\xfcchse&text=x", FORM, 400, "not UTF-8"),
        (b"x" * 10_000_000, FORM, 413, "larger than"),
        (b"{}", "application/json", 415, "unknown encoding"),
        (b"", FORM, 400, "title is empty"),
    ],
)
def test_the_page_refuses(
    client: FlaskClient, data: bytes, content_type: str, status: int, sentence: str
) -> None:
    answer = client.post("/", data=data, content_type=content_type)
    assert answer.status_code == status
    assert sentence in answer.text


@pytest.mark.usefixtures("context")
def test_ids_cannot_be_guessed(client: FlaskClient) -> None:
    answer = client.post("/api/stories", json={"title": "x", "text": "x"})
    assert UUID(answer.json["id"]).version == 4
    assert db.session.get(Story, UUID(answer.json["id"])).status == Status.QUEUED
