"""What the API takes, what it refuses, and how it says so."""

import io
import uuid

import pytest
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError

from core import api, config, create_app

MEGABYTE = 1024 * 1024


def upload(client: FlaskClient, content: bytes, name: str = "talk.wav") -> tuple[int, dict[str, str]]:
    """Status and answer."""
    answer = client.post("/api/episodes", data={"file": (io.BytesIO(content), name)})
    return answer.status_code, answer.get_json()


def test_answers_to_the_health_check_and_with_a_page(client: FlaskClient) -> None:
    """The page names the limit."""
    assert client.get("/health").get_json() == {"status": "ok"}
    assert "at most 100 MB" in client.get("/").text


def test_a_recording_waits_for_its_worker(client: FlaskClient) -> None:
    """Whatever is in it; and its name is only a name."""
    status, answer = upload(client, b"anything", "../../talks/Über uns.wav")
    assert status == 202
    episode = client.get(f"/api/episodes/{answer['id']}").get_json()
    assert (episode["name"], episode["bytes"], episode["status"]) == ("Über uns.wav", 8, "queued")
    assert {step["status"] for step in episode["steps"]} == {"waiting"}
    assert episode["files"] == {}
    assert "detail" not in episode
    assert client.get("/api/episodes").get_json()[0]["id"] == answer["id"]
    assert client.get(f"/api/episodes/{answer['id']}/episode.mp3").status_code == 404


def test_a_request_without_a_recording_is_refused(client: FlaskClient) -> None:
    """With the way it should be."""
    answer = client.post("/api/episodes", data={"title": "no file"})
    assert answer.status_code == 400
    assert "--form file=@" in answer.get_json()["error"]


@pytest.mark.parametrize("path", [uuid.uuid4(), "no-id", f"{uuid.uuid4()}/podcast.db", "../../podcast.db"])
def test_what_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    """And nothing but an episode's three files can be asked for."""
    answer = client.get(f"/api/episodes/{path}")
    assert answer.status_code == 404
    assert answer.get_json()["error"]


def test_the_limit_is_a_setting_and_what_is_larger_leaves_nothing_behind(client: FlaskClient) -> None:
    """413, with the limit in the sentence."""
    settings = client.application.extensions["settings"]
    small = create_app(config.Settings(settings.database, settings.redis_url, MEGABYTE, -16)).test_client()
    before = sorted(settings.uploads.iterdir())
    assert upload(small, bytes(2 * MEGABYTE)) == (
        413,
        {"error": "The recording is larger than 1 MB: split it, or make it mono."},
    )
    assert sorted(settings.uploads.iterdir()) == before


def test_without_a_queue_nothing_is_kept(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would wait for ever."""
    settings = client.application.extensions["settings"]
    before = sorted(settings.uploads.iterdir()), client.get("/api/episodes").get_json()

    def away(_: str) -> None:
        raise RedisConnectionError

    monkeypatch.setattr(api.process, "delay", away)
    status, answer = upload(client, b"anything")
    assert status == 503
    assert "try again" in answer["error"]
    assert (sorted(settings.uploads.iterdir()), client.get("/api/episodes").get_json()) == before


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"DATABASE_URL": "postgresql://db/podcast"}, "DATABASE_URL has to name a file"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL has to name a file"),
        ({"UPLOAD_LIMIT_MB": "many"}, "from 1 to 2000; it is 'many'"),
        ({"LOUDNESS_LUFS": "16"}, "from -40 to -10; it is '16'"),
    ],
)
def test_a_setting_that_cannot_work_is_named(environ: dict[str, str], sentence: str) -> None:
    """At the start, not at the first upload."""
    with pytest.raises(config.SettingsError, match=sentence):
        config.load(environ)
