"""The way of a job: API, database, store, worker."""

import subprocess
import sys
from typing import Any

import pytest
from fastapi.testclient import TestClient

from agent import files, jobs, prepare, queue, worker
from agent.answering import ProviderError
from agent.api import app
from agent.outside import OutsideError
from tests.conftest import deliver, forget
from tests.store import Store

QUESTION = "What did the council decide about the fees for yachts?"


@pytest.fixture
def api(outside: Store) -> TestClient:  # noqa: ARG001 it has to be there
    return TestClient(app)


def hand_in(api: TestClient, documents: list[tuple[str, bytes]], question: str = QUESTION) -> str:
    answer = api.post(
        "/api/jobs", data={"question": question}, files=[("documents", document) for document in documents]
    )
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["job"]
    assert answer.headers["location"] == f"/api/jobs/{job}"
    return job


def test_a_job_is_stored_and_queued_and_becomes_a_briefing_with_a_report(
    api: TestClient, outside: Store, documents: list[tuple[str, bytes]]
) -> None:
    job = hand_in(api, documents)
    waiting = api.get(f"/api/jobs/{job}").json()
    assert (waiting["status"], waiting["progress"], waiting["briefing"]) == ("queued", 0, None)
    assert api.get(f"/api/jobs/{job}/report").status_code == 409
    assert [name for name in outside.objects if "documents" in name] == [
        f"/agent/jobs/{job}/documents/{number}.txt" for number in range(3)
    ]
    deliver(job)
    done = api.get(f"/api/jobs/{job}").json()
    assert (done["status"], done["progress"], done["attempts"], done["error"]) == ("done", 100, 1, None)
    assert "raise the fees for yachts by a tenth from April. [3-council.txt, 7]" in done["briefing"]["answer"]
    report = api.get(f"/api/jobs/{job}/report")
    assert report.headers["content-type"].startswith("text/markdown")
    assert "by a tenth" in report.text
    assert [one["id"] for one in api.get("/api/jobs").json()] == [job]


def test_a_job_that_is_delivered_twice_is_done_once(
    api: TestClient, documents: list[tuple[str, bytes]]
) -> None:
    job = hand_in(api, documents)
    deliver(job)
    before = api.get(f"/api/jobs/{job}").json()
    deliver(job)
    assert api.get(f"/api/jobs/{job}").json() == before


def test_a_job_that_ends_its_worker_every_time_is_given_up(
    api: TestClient, documents: list[tuple[str, bytes]]
) -> None:
    job = hand_in(api, documents)
    for _ in range(jobs.ATTEMPTS_LIMIT):
        assert jobs.begin(job)
    deliver(job)
    failed = api.get(f"/api/jobs/{job}").json()
    assert failed["status"] == "failed"
    assert "each ended the worker" in failed["error"]


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 422), (b"\xff\xfe\x00", 422), (b"a\0b", 422), (b"x" * 2_000_001, 413)]
)
def test_what_is_no_text_is_refused_and_nothing_is_stored(
    api: TestClient, outside: Store, content: bytes, status: int
) -> None:
    answer = api.post("/api/jobs", data={"question": QUESTION}, files=[("documents", ("a.txt", content))])
    assert answer.status_code == status
    assert "a.txt" in answer.json()["detail"]
    assert outside.objects == {}


def test_texts_without_a_sentence_fail_with_a_sentence(api: TestClient) -> None:
    job = hand_in(api, [("list.txt", b"one\n\ntwo")])
    deliver(job)
    assert api.get(f"/api/jobs/{job}").json()["error"] == "The documents have no sentence in them."


def test_a_queue_that_is_away_is_a_503_and_the_job_says_so(
    api: TestClient, documents: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_job: str) -> None:
        raise OutsideError("The queue", "Queue__Url", OSError("connection refused"))

    monkeypatch.setattr(queue, "send", away)
    answer = api.post("/api/jobs", data={"question": QUESTION}, files=[("documents", documents[0])])
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "The queue is not available. Try again later.",
    )
    [failed] = api.get("/api/jobs").json()
    assert failed["status"] == "failed"


def attempts_until_it_works(monkeypatch: pytest.MonkeyPatch, failures: int, error: Exception) -> list[int]:
    """Lets the provider fail so many times. Returns a list that grows with each try."""
    tries: list[int] = []

    class Answerer:
        name = "moody"

        def answer(self, *_: Any) -> str:
            tries.append(1)
            if len(tries) <= failures:
                raise error
            return "At last."

    monkeypatch.setattr(worker, "chosen", lambda _: Answerer())
    return tries


def test_a_provider_that_is_away_is_asked_again(
    api: TestClient, documents: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = attempts_until_it_works(monkeypatch, 2, ProviderError("503", again=True))
    job = hand_in(api, documents)
    deliver(job)
    done = api.get(f"/api/jobs/{job}").json()
    assert (done["status"], done["briefing"]["answer"], len(tries)) == ("done", "At last.", 3)


@pytest.mark.parametrize(("again", "tries_wanted"), [(True, 7), (False, 1)])
def test_a_provider_that_never_answers_is_given_up(
    api: TestClient,
    documents: list[tuple[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    again: bool,
    tries_wanted: int,
) -> None:
    tries = attempts_until_it_works(monkeypatch, 99, ProviderError("The provider answered no.", again=again))
    job = hand_in(api, documents[:1])
    deliver(job)
    failed = api.get(f"/api/jobs/{job}").json()
    assert failed["status"] == "failed"
    assert failed["error"].startswith("The provider answered no. Gave up after")
    assert len(tries) == tries_wanted


def test_a_mistake_in_the_application_ends_the_job_with_a_sentence(
    api: TestClient, documents: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "read", mistaken)
    job = hand_in(api, documents)
    assert deliver(job).state == "FAILURE"
    failed = api.get(f"/api/jobs/{job}").json()
    assert (failed["status"], failed["error"][:28]) == ("failed", "The job could not be done: t")


def test_an_unknown_job_is_a_404(api: TestClient) -> None:
    assert api.get("/api/jobs/none").status_code == 404


def test_prepare_twice_is_as_good_as_once(outside: Store, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    assert prepare.main() == 0
    assert "0 steps were new" in capsys.readouterr().out


def test_a_store_whose_certificate_nobody_has_signed_is_one_line(
    outside: Store,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE")
    forget()
    assert prepare.main((prepare.files,)) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith("prepare: The object store cannot be used (Storage__…): ")
    assert "certificate verify failed" in line
    monkeypatch.undo()
    forget()


def test_a_certificate_for_another_name_is_refused(outside: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Storage__Endpoint_Url", f"https://127.0.0.1:{outside.server_port}")
    forget()
    with pytest.raises(OutsideError, match="doesn't match 'localhost'"):
        files.check()
    monkeypatch.undo()
    forget()


def test_the_api_starts_without_what_only_the_work_needs() -> None:
    heavy = "import sys, agent.api; print(*sorted({'numpy', 'boto3', 'botocore'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", heavy], text=True).strip() == ""
