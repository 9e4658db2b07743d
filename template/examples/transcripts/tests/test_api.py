"""What the API takes, refuses and says."""

import pytest
from fastapi.testclient import TestClient
from kombu.exceptions import OperationalError

from transcripts import tasks
from transcripts.database import reading

SUBMIT = "/api/channels/c/transcripts"


def files(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("transcripts", (f"{number}.txt", content)) for number, content in enumerate(contents)]


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ([b"good text", b"\xff\xfe"], "1.txt is no UTF-8 text."),
        ([b"title: One\n\na", b"title: One\n\nb"], 'Two transcripts have the title "One".'),
        ([b"title: One\nextractor: magic\n\na"], 'there is no extractor "magic"'),
        ([b"x" * 800_001], "larger than 800000 bytes"),
        ([b"x"] * 201, "200 files are allowed"),
    ],
)
def test_a_request_that_cannot_work_is_refused_whole(
    client: TestClient, contents: list[bytes], sentence: str
) -> None:
    answer = client.post(SUBMIT, files=files(*contents))
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]
    with reading() as db:
        assert db.execute("SELECT count(*) FROM transcript").fetchone()[0] == 0


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/healthz", 200),
        ("/docs", 200),
        ("/", 307),
        ("/api/jobs/none", 404),
        ("/api/channels/none", 404),
        ("/api/channels/No%20Name", 422),
        ("/api/graph/entities", 422),
        ("/api/graph/entities?channel=c&limit=0", 422),
        ("/api/graph/entities?channel=none", 200),
        ("/api/graph/neighbours?channel=c&name=Nobody", 404),
        ("/api/graph/path?channel=c&from=A&to=B", 404),
    ],
)
def test_each_address_answers_as_it_should(client: TestClient, url: str, status: int) -> None:
    assert client.get(url).status_code == status


def test_no_file_is_no_request(client: TestClient) -> None:
    assert client.post(SUBMIT).status_code == 422


def test_a_job_that_cannot_be_queued_is_refused_and_marked(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OperationalError("Connection refused")

    monkeypatch.setattr(tasks.start, "apply_async", refused)
    answer = client.post(SUBMIT, files=files(b"Ann met Bob."))
    assert answer.status_code == 503
    with reading() as db:
        status, error = db.execute("SELECT status, error FROM job").fetchone()
    assert status == "failed"
    assert "Hand the transcripts in again" in error
