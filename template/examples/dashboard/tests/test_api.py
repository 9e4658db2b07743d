"""What the outside sees."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboard import config
from tests.conftest import until


def upload(client: FlaskClient, content: bytes, name: str = "readings.csv") -> TestResponse:
    """The answer to an upload."""
    return client.post("/api/batches", data={"file": (io.BytesIO(content), name)})


@pytest.mark.usefixtures("worker")
def test_an_upload_becomes_readings(client: FlaskClient) -> None:
    """The whole way: upload, queue, worker, database, API."""
    answer = upload(
        client,
        b"sensor,time,value\ngh1-air,2026-03-01T12:00Z,10.5\ngh1-air,2026-03-01T12:00Z,hot\n",
        "../a/b.csv",
    )
    assert answer.status_code == 202
    where = answer.headers["Location"]
    until(lambda: client.get(where).get_json()["status"] == "done")
    batch = client.get(where).get_json()
    assert (batch["file_name"], batch["rows"], batch["rows_rejected"], batch["error"]) == (
        "b.csv",
        2,
        1,
        None,
    )
    reason = "the value is not a number with a decimal point"
    assert batch["rejections"] == [{"line": 3, "reason": reason, "text": "gh1-air,2026-03-01T12:00Z,hot"}]
    assert client.get("/api/batches").get_json()[0]["id"] == batch["id"]
    (day,) = client.get("/api/sensors/gh1-air/days").get_json()
    assert day == {"day": "2026-03-01", "readings": 1, "lowest": "10.500", "highest": "10.500", "mean": 10.5}


def test_sensors_are_told_whole(client: FlaskClient) -> None:
    """Decimals as text, and what their makers say as it is."""
    sensors = {sensor["code"]: sensor for sensor in client.get("/api/sensors").get_json()}
    assert sensors["field-old"]["active"] is False
    assert sensors["gh2-air"] == {
        "code": "gh2-air",
        "site": "Gärtnerei Lindenhof / Greenhouse 2",
        "unit": "°C",
        "active": True,
        "range": ["-20.000", "60.000"],
        "installed_on": "2021-09-01",
        "details": {"maker": "Bosch", "wired": True, "replaced": None},
    }


def test_what_cannot_be_answered_is_said_in_a_sentence(client: FlaskClient) -> None:
    """As JSON, with a status that fits."""
    assert "No file arrived" in client.post("/api/batches").get_json()["error"]
    for path in (
        "/api/batches/00000000-0000-0000-0000-000000000000",
        "/api/sensors/fire/days",
        "/api/nothing",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "application/json")
    large = upload(client, b"9" * (config.UPLOAD_LIMIT + 1))
    assert (large.status_code, "larger than 20 MB" in large.get_json()["error"]) == (413, True)


def test_without_a_queue_nothing_is_kept(app_with: Callable[..., Flask]) -> None:
    """The visitor can press the button again."""
    alone = app_with(REDIS_URL="redis://127.0.0.1:9/0")
    answer = upload(alone.test_client(), b"sensor,time,value\n")
    assert (answer.status_code, "queue cannot be reached" in answer.get_json()["error"]) == (503, True)
    assert alone.test_client().get("/api/batches").get_json() == []
    assert not any(alone.config["UPLOAD_FOLDER"].iterdir())


def test_without_a_database_a_client_is_told(app_with: Callable[..., Flask]) -> None:
    """And the health check is not asked."""
    alone = app_with(DATABASE_URL="mysql+pymysql://a:b@127.0.0.1:9/none")
    answer = alone.test_client().get("/api/batches")
    assert (answer.status_code, "database does not answer" in answer.get_json()["error"]) == (503, True)
    assert alone.test_client().get("/healthz").status_code == 200


def test_the_page_is_asked_for_anew_and_its_files_are_not(client: FlaskClient) -> None:
    """A deploy is seen at once, and costs only what has changed."""
    page = client.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": page.headers["ETag"]}).status_code == 304
    asset = client.get("/assets/index-1a2b3c.js")
    assert {"public", "immutable", "max-age=31536000"} <= set(asset.headers["Cache-Control"].split(", "))
    assert client.get("/assets/index-old.js").status_code == 404
    assert client.get("/assets/../../test.db").status_code == 404


def test_a_page_that_was_not_built_says_so(app_with: Callable[..., Flask], tmp_path: Path) -> None:
    """Instead of a bare 404."""
    answer = app_with(FRONTEND_ROOT=str(tmp_path)).test_client().get("/")
    assert (answer.status_code, "has not been built" in answer.text) == (503, True)


@pytest.mark.parametrize("value", ["8", "many", "-1"])
def test_too_few_threads_are_an_error_at_the_start(value: str) -> None:
    """Not at the first browser that gets no stream."""
    with pytest.raises(config.SettingsError, match="WEB_THREADS"):
        config.load({"WEB_THREADS": value})
