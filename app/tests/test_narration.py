"""From a submitted text to a recording: worker, retries, events, the clock, seeds, migrations."""

import io
import json
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import check, upgrade
from redis import Redis
from sqlalchemy import func, select

from stories import narration, tasks
from stories.models import Status, Story, db, now
from stories.narrators import NarratorError
from stories.narrators.espeak import Espeak
from stories.storage import Storage
from tests.conftest import NOBODY

TEXT = "The hare slept. The tortoise did not. " * 60  # four chunks


def submit(client: FlaskClient, text: str = TEXT) -> str:
    return client.post("/api/stories", json={"title": "Race", "text": text}).json["id"]


def read(story_id: str) -> Story:
    return db.session.get(Story, UUID(story_id), populate_existing=True)


def finished(client: FlaskClient, story_id: str, seconds: float = 30) -> dict[str, Any]:
    """The story when it is done or failed. Waits for the state, not for a time."""
    deadline = time.monotonic() + seconds
    while (story := client.get(f"/api/stories/{story_id}").json)["status"] not in (
        "done",
        "failed",
    ):
        assert time.monotonic() < deadline, f"still not finished: {story}"
        time.sleep(0.05)
    return story


def run(story_id: str, task_id: str = "first") -> None:
    """Run the task here and now, as a delivery with this task id."""
    tasks.narrate.apply((story_id,), task_id=task_id, throw=True)


@pytest.fixture
def broken_narrator(monkeypatch: pytest.MonkeyPatch) -> None:
    def narrate(self: Espeak, text: str) -> bytes:
        raise NarratorError("espeak-ng ended with code 1: no voice")

    monkeypatch.setattr(Espeak, "narrate", narrate)


@pytest.mark.usefixtures("worker")
def test_a_story_becomes_audio(client: FlaskClient) -> None:
    story = finished(client, submit(client))
    assert (story["status"], story["progress"], story["error"]) == ("done", 100, None)
    with urllib.request.urlopen(story["audio_url"], timeout=10) as answer:
        assert answer.headers["Content-Type"] == "audio/wav"
        recording = answer.read()
    with wave.open(io.BytesIO(recording)) as audio:
        seconds = audio.getnframes() / audio.getframerate()
        assert len(audio.readframes(10**9)) == audio.getnframes() * audio.getsampwidth()
    assert seconds > 60


@pytest.mark.usefixtures("worker")
def test_events_show_live_progress(client: FlaskClient) -> None:
    story_id = submit(client)
    stream = client.get(f"/api/stories/{story_id}/events")
    assert stream.mimetype == "text/event-stream"
    states = list(_states(stream.iter_encoded()))
    assert states[-1]["status"] == "done"
    assert states[-1]["audio_url"]
    progress = [state["progress"] for state in states]
    assert progress == sorted(progress)
    # Whenever the browser came, it saw a state at once; the stream has ended by itself.
    again = list(_states(client.get(f"/api/stories/{story_id}/events").iter_encoded()))
    assert [state["status"] for state in again] == ["done"]


def test_events_of_all_stories_begin_with_their_states(client: FlaskClient) -> None:
    story_id = submit(client)
    stream = client.get("/api/events")
    states = _states(stream.iter_encoded())
    assert next(states)["status"] == "queued"
    run(story_id)  # after the first state was sent, and none of its steps is missed
    seen = [next(states) for _ in range(6)]
    assert [state["status"] for state in seen] == ["narrating"] * 5 + ["done"]
    assert [state["progress"] for state in seen] == [0, 23, 47, 71, 95, 100]
    stream.close()


def _states(stream: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    for block in stream:
        if block.startswith(b"data: "):
            yield json.loads(block.removeprefix(b"data: "))


@pytest.mark.usefixtures("context")
def test_a_second_delivery_of_a_done_story_does_nothing(client: FlaskClient) -> None:
    story_id = submit(client)
    run(story_id)
    done_at = read(story_id).updated_at
    run(story_id)
    run(story_id, "another task")
    assert (read(story_id).status, read(story_id).updated_at) == (Status.DONE, done_at)


@pytest.mark.usefixtures("context")
def test_a_redelivered_task_starts_anew_and_the_older_attempt_stops(client: FlaskClient) -> None:
    story_id = submit(client)
    older = narration.claim(UUID(story_id), "task")
    db.session.expunge_all()
    newer = narration.claim(UUID(story_id), "task")
    assert (older.attempt, newer.attempt) == (1, 2)
    with pytest.raises(narration.Superseded):
        narration._step(older, progress=50)
    narration._step(newer, progress=60)
    assert read(story_id).progress == 60


@pytest.mark.usefixtures("context")
def test_a_second_task_leaves_a_live_story_alone(client: FlaskClient) -> None:
    story_id = submit(client)
    assert narration.claim(UUID(story_id), "one")
    assert narration.claim(UUID(story_id), "two") is None


@pytest.mark.usefixtures("context")
def test_a_story_that_kills_its_workers_is_given_up(client: FlaskClient) -> None:
    story_id = submit(client)
    for _ in range(narration.ATTEMPTS):
        assert narration.claim(UUID(story_id), "task")
    assert narration.claim(UUID(story_id), "task") is None
    assert read(story_id).status == Status.FAILED
    assert "started 20 times" in read(story_id).error


@pytest.mark.usefixtures("context", "broken_narrator")
def test_a_narrator_that_fails_is_quoted(client: FlaskClient) -> None:
    story_id = submit(client)
    run(story_id)
    assert read(story_id).status == Status.FAILED
    assert read(story_id).error == "espeak-ng ended with code 1: no voice"


@pytest.mark.usefixtures("context")
def test_a_bug_fails_the_story_and_the_task(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Espeak, "narrate", lambda self, text: 1 / 0)
    story_id = submit(client)
    with pytest.raises(ZeroDivisionError):
        run(story_id)
    assert read(story_id).status == Status.FAILED
    assert "worker's log" in read(story_id).error


@pytest.fixture
def storage_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """No object store, until this function is called."""
    real = app.extensions["storage"]
    away = Storage({**app.config, "S3_ENDPOINT_URL": f"http://{NOBODY}"})
    monkeypatch.setitem(app.extensions, "storage", away)
    return lambda: monkeypatch.setitem(app.extensions, "storage", real)


@pytest.mark.usefixtures("storage_away", "worker")
def test_storage_away_is_retried_and_then_failed(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.narrate, "max_retries", 2)
    story = finished(client, submit(client))
    assert story["status"] == "failed"
    assert "cannot be reached" in story["error"]
    assert "Gave up after 3 attempts" in story["error"]


@pytest.mark.usefixtures("worker")
def test_storage_that_comes_back_loses_nothing(
    client: FlaskClient, storage_away: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    def backoff(retries: int) -> int:
        waits.append(retries)
        if retries == 1:
            storage_away()  # it is back
        return 0

    monkeypatch.setattr(tasks, "backoff", backoff)
    story = finished(client, submit(client))
    assert (story["status"], story["error"]) == ("done", None)
    assert waits == [0, 1]


def test_backoff_outlasts_a_minute_by_far() -> None:
    waits = [tasks.backoff(retries) for retries in range(tasks.narrate.max_retries)]
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.usefixtures("context")
def test_progress_that_cannot_be_published_does_no_harm(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    story_id = submit(client)
    monkeypatch.setitem(app.extensions, "redis", Redis.from_url(f"redis://{NOBODY}"))
    run(story_id)
    assert read(story_id).status == Status.DONE


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("status", "minutes", "queued"),
    [
        (Status.QUEUED, 11, 1),
        (Status.NARRATING, 11, 1),
        (Status.NARRATING, 9, 0),
        (Status.QUEUED, 9, 0),
        (Status.DONE, 11, 0),
        (Status.FAILED, 11, 0),
    ],
)
def test_tick_queues_what_was_lost(
    app: Flask, client: FlaskClient, status: Status, minutes: int, queued: int
) -> None:
    updated_at = now() - timedelta(minutes=minutes)
    db.session.add(Story(title="x", text="x", status=status, task_id="lost", updated_at=updated_at))
    db.session.commit()
    tasks.tick.apply(throw=True)
    tasks.tick.apply(throw=True)  # once queued, it is not forgotten any more
    assert app.extensions["redis"].llen("celery") == queued
    assert client.get("/api/status").json["beat"]["alive"]


@pytest.mark.usefixtures("context")
def test_seeds_are_added_once(app: Flask) -> None:
    runner = app.test_cli_runner()
    first, second = runner.invoke(args=["seed"]), runner.invoke(args=["seed"])
    assert first.output.count("queued") == 3, first.output
    assert second.output.count("is there") == 3, second.output
    assert db.session.scalar(select(func.count()).select_from(Story)) == 3
    assert app.extensions["redis"].llen("celery") == 3


@pytest.mark.usefixtures("context")
def test_migrations_match_the_models_and_run_again_as_a_no_op() -> None:
    upgrade()
    check()
