"""A database, a folder and a queue of their own for the tests.

The database is a new SQLite file; or an empty one of another kind, if TEST_DATABASE_URL names it. Where
REDIS_URL is set, its database 15 is used; otherwise a redis-server is started.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celery.contrib.testing.worker import start_worker
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import downgrade, upgrade
from redis import Redis
from sqlalchemy import delete

from dashboard import create_app
from dashboard.models import Batch, Day, Reading, Rejection, db

ROOT = Path(__file__).parent.parent


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Waits until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"gave up after {seconds} seconds"
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def _redis_url(folder: Path) -> Iterator[str]:
    if url := os.environ.get("REDIS_URL"):
        yield urlsplit(url)._replace(path="/15").geturl()
        return
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        pytest.exit("Install redis-server (Debian's package has this name), or set REDIS_URL.", returncode=2)
    port = free_port()
    command = [server, "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the application under test is told."""
    folder = tmp_path_factory.mktemp("dashboard")
    page = folder / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<title>Dashboard</title>")
    (page / "assets" / "index-1a2b3c.js").write_text("listen()")
    with _redis_url(folder) as redis:
        yield {
            "DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{folder}/test.db",
            "REDIS_URL": redis,
            "UPLOAD_FOLDER": str(folder / "uploads"),
            "FRONTEND_ROOT": str(page),
            "WEB_THREADS": "12",
        }


@pytest.fixture(scope="session")
def app(environ: dict[str, str]) -> Iterator[Flask]:
    """The application, its database migrated and seeded."""
    app = create_app(environ)
    with app.app_context():
        upgrade()
    assert app.test_cli_runner().invoke(args=["seed"]).exit_code == 0
    yield app
    with app.app_context():
        downgrade(revision="base")


@pytest.fixture(autouse=True)
def _clean(app: Flask, environ: dict[str, str]) -> None:
    """Each test begins without batches and uploads, and with an empty queue."""
    for upload in app.config["UPLOAD_FOLDER"].iterdir():
        upload.unlink()
    with Redis.from_url(environ["REDIS_URL"]) as redis:
        redis.flushdb()
    with app.app_context():
        for model in (Day, Rejection, Reading, Batch):
            db.session.execute(delete(model))
        db.session.commit()


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """For tests that look into the database themselves."""
    with app.app_context():
        yield


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who asks."""
    return app.test_client()


@pytest.fixture
def worker(app: Flask) -> Iterator[None]:
    """A real worker in a thread of this process."""
    with start_worker(app.extensions["celery"], perform_ping_check=False, shutdown_timeout=30):
        yield


@pytest.fixture
def app_with(environ: dict[str, str], app: Flask) -> Iterator[Callable[..., Flask]]:
    """Makes the application with other settings: ``REDIS_URL=NOBODY``."""

    def make(**settings: str) -> Flask:
        other = create_app(environ | settings)
        other.extensions["celery"].set_current()
        return other

    yield make
    app.extensions["celery"].set_current()
    app.extensions["celery"].set_default()
