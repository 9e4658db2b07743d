"""One SQLite file, many processes."""

import multiprocessing
import os
import sqlite3
import time
from pathlib import Path

import pytest

from core.store import MAX_ATTEMPTS, Store, SupersededError

# The test of the whole stack lets web and worker write for a minute; here more processes write for less.
SECONDS = float(os.environ.get("WRITERS_SECONDS") or 5)
STEPS = ("first", "second")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty database."""
    store = Store(tmp_path / "podcast.db")
    store.migrate()
    return store


def write_as_web(path: Path, name: str) -> int:
    """Adds episodes and reads the list. Returns how many."""
    store, end, count = Store(path), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        store.add(f"{name}-{count}", "talk.wav", 1, STEPS)
        store.latest(10)
        count += 1
    return count


def write_as_worker(path: Path, name: str) -> int:
    """Works on what one of them adds, with a write for each bit of progress. Returns how many."""
    store, end, count = Store(path), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        if attempt := store.claim(f"{name}-{count}"):
            for percent in range(0, 100, 10):
                attempt.step("first", "running", percent, 0.1)
            attempt.complete({"seconds": 1})
            count += 1
    return count


def migrate(path: Path) -> int:
    """Returns how many versions were added."""
    return Store(path).migrate()


def test_web_and_workers_write_at_once_and_none_is_locked_out(store: Store, tmp_path: Path) -> None:
    """Two of each. An exception in one of the processes is raised here."""
    path = tmp_path / "podcast.db"
    jobs = [(write_as_web, "a"), (write_as_worker, "a"), (write_as_web, "b"), (write_as_worker, "b")]
    with multiprocessing.get_context("spawn").Pool(len(jobs)) as pool:
        running = [pool.apply_async(job, (path, name)) for job, name in jobs]
        added, worked, also_added, also_worked = [job.get(SECONDS + 60) for job in running]
    assert min(worked, also_worked) > 0
    assert len(store.latest(1_000_000)) == added + also_added
    done = [episode for episode in store.latest(1_000_000) if episode["status"] == "done"]
    assert len(done) == worked + also_worked


def test_several_migrations_at_once_add_each_version_once(tmp_path: Path) -> None:
    """Natively nothing but the database keeps them apart."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert sorted(pool.map(migrate, [tmp_path / "podcast.db"] * 4)) == [0, 0, 0, 1]


def test_readers_do_not_wait_for_the_writer(store: Store, tmp_path: Path) -> None:
    """Which is what WAL is for."""
    with sqlite3.connect(tmp_path / "podcast.db", isolation_level=None) as writer:
        assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        writer.execute("BEGIN EXCLUSIVE")
        assert store.latest(1) == []
        writer.execute("ROLLBACK")


def test_only_the_newest_attempt_may_write(store: Store) -> None:
    """Whatever an older one, that was thought dead, is still doing."""
    store.add("a", "talk.wav", 1, STEPS)
    old, new = store.claim("a"), store.claim("a")
    assert old is not None
    assert new is not None
    for write in (lambda: old.step("first", "done"), lambda: old.complete({}), lambda: old.fail("no")):
        with pytest.raises(SupersededError):
            write()
    new.complete({"seconds": 1})
    assert store.claim("a") is None
    assert (store.find("a") or {})["status"] == "done"


def test_a_recording_that_kills_its_workers_is_given_up(store: Store) -> None:
    """Otherwise it would kill them for ever."""
    store.add("a", "talk.wav", 1, STEPS)
    for _ in range(MAX_ATTEMPTS):
        assert store.claim("a")
    assert store.claim("a") is None
    episode = store.find("a") or {}
    assert episode["status"] == "failed"
    assert "never ended" in episode["error"]
