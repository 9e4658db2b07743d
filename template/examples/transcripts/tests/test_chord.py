"""Whole jobs, with a real worker: what fails, what is repeated, and what comes of the others."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from transcripts import extractors, graph, jobs, seed, tasks
from transcripts.textfile import Transcript

from .conftest import until


def ended(job: str) -> dict[str, Any]:
    """Waits for a job and returns it."""
    until(lambda: (jobs.find(job) or {})["status"] != "running")
    found = jobs.find(job)
    assert found
    return found


def by_title(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["title"]: item for item in job["transcripts"]}


@pytest.mark.usefixtures("worker")
def test_the_seeds_become_a_graph_although_one_of_them_always_fails(client: TestClient) -> None:
    job = ended(seed.main())
    assert job["status"] == "partial"
    found = by_title(job)
    assert [item["status"] for item in found.values()].count("done") == 5

    flaky = found["The Silver Ledger"]
    assert (flaky["status"], flaky["attempts"], flaky["error"]) == ("done", 3, None)

    broken = found["The Lost Reel"]
    assert (broken["status"], broken["attempts"]) == ("failed", 4)
    assert broken["error"] == "The extractor does not answer. Gave up after 4 attempts."

    def ask(path: str, **query: str) -> Any:
        return client.get(f"/api/graph/{path}", params={"channel": seed.CHANNEL, **query}).json()

    assert ask("entities", q="silas")[0]["name"] == "Silas Pike"
    assert ask("entities", q="krantz") == []
    assert {"source": "Ada Winter", "verb": "hid", "target": "Silas Pike", "count": 1} in ask(
        "neighbours", name="Ada Winter"
    )
    way = ask("path", **{"from": "Bishop of Thornby", "to": "Ada Winter"})
    assert way["path"] is None
    way = ask("path", **{"from": "Iris Calloway", "to": "Thomas Vane"})
    assert [link["verb"] for link in way["path"]] == ["runs", "founded", "fined"]


@pytest.mark.usefixtures("worker")
def test_a_mistake_in_an_extractor_costs_its_own_transcript_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mistaken:
        def extract(self, *_: object) -> None:
            raise ZeroDivisionError

    monkeypatch.setitem(extractors.EXTRACTORS, "mistaken", Mistaken)
    job = ended(
        tasks.submit("c", [Transcript("Good", "rules", "Ann met Bob."), Transcript("Bad", "mistaken", "x")])
    )
    assert job["status"] == "partial"
    assert "worker's log" in by_title(job)["Bad"]["error"]
    assert len(graph.entities("c", "", 9)) == 2


@pytest.mark.usefixtures("worker")
def test_a_service_without_its_key_fails_at_once_and_says_which() -> None:
    job = ended(tasks.submit("c", [Transcript("One", "openai", "x")]))
    assert job["status"] == "failed"
    assert (item := by_title(job)["One"])["error"] == "OPENAI_API_KEY is not set."
    assert item["attempts"] == 1


@pytest.mark.usefixtures("worker")
def test_a_task_that_raises_after_all_ends_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(jobs, "begin", broken)
    job = ended(tasks.submit("c", [Transcript("One", "rules", "x"), Transcript("Two", "rules", "x")]))
    assert job["status"] == "failed"
    assert "worker's log" in job["error"]


def test_a_task_that_is_delivered_twice_counts_once(redis: Redis, request: pytest.FixtureRequest) -> None:
    """The graph has to wait for the second transcript, although two results are there."""
    job = tasks.submit("c", [Transcript("One", "rules", "Ann met Bob."), Transcript("Two", "rules", "x")])
    redis.delete("graph")
    tasks.start(job)
    second, first = redis.lrange("extract", 0, -1)
    again = json.loads(first)
    again["properties"]["delivery_tag"] = "again"
    redis.delete("extract")
    redis.lpush("extract", first, json.dumps(again))
    request.getfixturevalue("worker")
    until(lambda: not redis.exists("extract", "unacked"))
    assert not redis.exists("graph")
    assert (jobs.find(job) or {})["status"] == "running"
    redis.lpush("extract", second)
    assert ended(job)["status"] == "done"
