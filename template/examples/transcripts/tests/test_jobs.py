"""What is written down survives repetition, replacement and company."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from transcripts import graph, jobs
from transcripts.database import BUSY_SECONDS, migrate, reading, writing
from transcripts.extractors.rules import Rules
from transcripts.settings import settings
from transcripts.textfile import Transcript

FOUND = Rules().extract("Ann met Bob.", "", lambda _: None)


def create(title: str = "One") -> tuple[str, int]:
    job = jobs.create("c", [Transcript(title, "rules", "Ann met Bob.")])
    return job, jobs.content(job)[1][0]


def test_a_finished_transcript_is_not_read_again() -> None:
    job, number = create()
    assert jobs.begin(job, number)
    assert jobs.complete(job, number, FOUND)
    assert jobs.begin(job, number) is None
    assert not jobs.complete(job, number, FOUND)


def test_an_older_job_cannot_write_what_a_newer_one_has() -> None:
    old, number = create()
    jobs.begin(old, number)
    new, same = create()
    assert same == number
    assert jobs.begin(old, number) is None
    assert not jobs.complete(old, number, FOUND)
    assert not jobs.change(old, number, status="failed")
    assert jobs.begin(new, number)


def test_what_was_found_before_is_gone_when_a_transcript_is_handed_in_again() -> None:
    job, number = create()
    jobs.begin(job, number)
    jobs.complete(job, number, FOUND)
    create()
    with reading() as db:
        assert db.execute("SELECT count(*) FROM mention").fetchone()[0] == 0


def test_a_transcript_that_ends_its_worker_is_given_up() -> None:
    job, number = create()
    for _ in range(jobs.MAX_ATTEMPTS):
        assert jobs.begin(job, number)
    assert jobs.begin(job, number) is None
    found = jobs.find(job)
    assert found
    assert found["transcripts"][0]["status"] == "failed"
    assert "10 times" in found["transcripts"][0]["error"]


def test_many_writers_at_once_wait_for_each_other() -> None:
    made = [create(f"{number}") for number in range(8)]

    def write(job: str, number: int) -> None:
        jobs.begin(job, number)
        for percent in range(20):
            jobs.change(job, number, progress=percent)
        jobs.complete(job, number, FOUND)
        graph.build("c")

    with ThreadPoolExecutor(len(made)) as pool:
        for result in [pool.submit(write, *one) for one in made]:
            result.result(BUSY_SECONDS * 3)  # raises what the thread raised: "database is locked"
    assert {item["status"] for item in jobs.channel("c")["transcripts"]} == {"done"}


def test_migrations_are_applied_once_and_the_file_is_in_wal_mode() -> None:
    assert migrate() == 0
    with reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_transaction_that_fails_leaves_nothing() -> None:
    with pytest.raises(sqlite3.IntegrityError):
        jobs.create("c", [Transcript("One", "rules", "text"), Transcript("Two", "rules", None)])
    assert jobs.channel("c")["transcripts"] == []
    with reading() as db:
        assert db.execute("SELECT count(*) FROM job").fetchone()[0] == 0


def test_a_transaction_keeps_other_writers_out_from_its_first_line() -> None:
    """Otherwise one that reads and then writes is refused when somebody else wrote in between."""
    insert = "INSERT INTO job (id, channel) VALUES (?, 'c')"
    with writing() as db, closing(sqlite3.connect(settings().database, timeout=0)) as other:
        db.execute("SELECT * FROM job").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute(insert, ("other",))
        db.execute(insert, ("one",))
