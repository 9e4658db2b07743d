"""A database, folders and a queue of their own for the tests, and a worker that works on them.

Where REDIS_URL is set, its database 15 is used; otherwise a redis-server is started. The variables have to
stand before the application is first imported, which is why fixtures import it and not this file.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from tests import recording

SOURCE = Path(__file__).parent.parent / "src"
_stack: list[Callable[[], object]] = []


def pytest_configure() -> None:
    """Sets the variables."""
    folder = tempfile.mkdtemp(prefix="podcast-test-")
    _stack.append(lambda: shutil.rmtree(folder))
    os.environ["DATABASE_URL"] = f"sqlite:///{folder}/podcast.db"
    if url := os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = urlsplit(url)._replace(path="/15").geturl()
    elif server := shutil.which("redis-server"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        redis = subprocess.Popen(
            [server, "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL, cwd=folder
        )
        _stack.append(redis.wait)
        _stack.append(redis.terminate)
        os.environ["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
    else:
        pytest.exit("Install redis-server (Debian's package has this name), or set REDIS_URL.", returncode=2)


def pytest_unconfigure() -> None:
    """Leaves nothing behind."""
    while _stack:
        _stack.pop()()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Waits until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"gave up after {seconds} seconds"
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """The processes whose parent this is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of the program stands in brackets, and may have blanks in it.
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # it has just ended
        if parent == str(pid):
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen seconds: enough for most tests."""
    return recording.make(tmp_path_factory.mktemp("talk") / "talk.wav", 15)


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """The web application with its database, and an empty queue."""
    from core import create_app
    from core.celery_worker import celery, settings
    from core.store import Store

    Store(settings.database).migrate()
    celery.control.purge()
    return create_app(settings).test_client()


@pytest.fixture
def worker(client: FlaskClient) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as in production: its own process, with one process for the tasks."""
    assert client.get("/health").status_code == 200
    command = ["-m", "celery", "--app", "core.celery_worker.celery", "worker", "--concurrency", "1"]
    options = ["--without-mingle", "--without-gossip", "--loglevel", "info"]
    environ = os.environ | {"PYTHONPATH": str(SOURCE), "REMAP_SIGTERM": "SIGQUIT"}
    with subprocess.Popen([sys.executable, *command, *options], env=environ) as process:
        yield process
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
