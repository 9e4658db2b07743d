"""Tests run in a folder and on a Redis of their own, and never touch development's data.

With REDIS_URL (in the stack) that is another database number of the same Redis; without it, a
``redis-server`` that is started for the run.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from celery.contrib.testing.worker import start_worker
from fastapi.testclient import TestClient
from redis import Redis
from redis.exceptions import RedisError

FOLDER = tempfile.TemporaryDirectory(prefix="transcripts-test-")
GIVEN = os.environ.get("REDIS_URL")


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


# Here and not in a fixture: Celery reads it when a test file imports the application.
os.environ.update(
    REDIS_URL=urlunsplit(urlsplit(GIVEN or f"redis://127.0.0.1:{free_port()}")._replace(path="/15")),
    DATABASE_URL=f"sqlite:///{FOLDER.name}/transcripts.db",
    RETRY_SECONDS="0",
    EXTRACTOR_PAUSE="",
    ANTHROPIC_API_KEY="",
    OPENAI_API_KEY="",
)

from transcripts.api import app as api  # noqa: E402
from transcripts.database import migrate  # noqa: E402
from transcripts.settings import settings  # noqa: E402
from transcripts.worker import app as celery  # noqa: E402


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits for a condition, and not longer than it has to."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """The Redis of the tests, started when there is none."""
    client = Redis.from_url(settings().redis_url, decode_responses=True)
    if GIVEN:
        yield client
        client.flushdb()
        return
    if not shutil.which("redis-server"):
        pytest.exit("Install redis-server, or set REDIS_URL to a Redis that is there.", returncode=2)
    port = str(urlsplit(settings().redis_url).port)
    command = ["redis-server", "--port", port, "--save", "", "--dir", FOLDER.name]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            until(lambda: answers(client))
            yield client
        finally:
            server.terminate()


def answers(client: Redis) -> bool:
    """Whether the Redis is there."""
    try:
        return bool(client.ping())
    except RedisError:
        return False


@pytest.fixture(autouse=True)
def clean(redis: Redis) -> None:
    """Each test begins with an empty database and an empty Redis."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{settings().database}{suffix}").unlink(missing_ok=True)
    migrate()
    redis.flushdb()


@pytest.fixture
def client() -> TestClient:
    """The API, without a server."""
    return TestClient(api, follow_redirects=False)


@pytest.fixture
def worker() -> Iterator[None]:
    """A real worker in a thread of this process."""
    with start_worker(celery, perform_ping_check=False, shutdown_timeout=30):
        yield
