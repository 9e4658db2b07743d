"""Tests run against the real PostgreSQL, Redis and S3, but never touch development's data.

They derive their own corner from the application's environment: the database <name>_test, another
database number of the same Redis, and the bucket <name>-test. All of it is gone afterwards.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from celery.contrib.testing.worker import start_worker
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from psycopg import sql
from redis import Redis
from sqlalchemy import delete
from sqlalchemy.engine import make_url

from stories import create_app, tasks
from stories.models import Pulse, Story, db

# Celery reads this by itself. The tests' queue is in Redis, whatever the broker of the stack is.
os.environ.pop("CELERY_BROKER_URL", None)

REDIS_DATABASE = 15
NOBODY = "127.0.0.1:9"  # the discard port: connections are refused at once


def _test_environment() -> dict[str, str]:
    env = dict(os.environ)
    database = make_url(env["DATABASE_URL"])
    env["DATABASE_URL"] = database.set(database=f"{database.database}_test").render_as_string(
        hide_password=False
    )
    env["REDIS_URL"] = urlunsplit(urlsplit(env["REDIS_URL"])._replace(path=f"/{REDIS_DATABASE}"))
    env["S3_BUCKET"] += "-test"
    # Links are followed from here, not from a browser.
    env["S3_PUBLIC_URL"] = env.get("S3_ENDPOINT_URL", "")
    return env | {
        "NARRATOR": "espeak",
        "ELEVENLABS_API_KEY": "",
        "CARTESIA_API_KEY": "",
        "MAIL_URL": "",
    }


@contextmanager
def _database(url: str) -> Iterator[None]:
    target = make_url(url)
    name = sql.Identifier(target.database or "")
    server = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql")
    with closing(
        psycopg.connect(server.render_as_string(hide_password=False), autocommit=True)
    ) as connection:
        # FORCE: a run that was killed may have left connections behind.
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield
        connection.execute(drop)


@pytest.fixture(scope="session")
def environ() -> dict[str, str]:
    return _test_environment()


@pytest.fixture(scope="session")
def app(environ: dict[str, str]) -> Iterator[Flask]:
    """The application with a migrated database: by the real migrations, not by create_all()."""
    with _database(environ["DATABASE_URL"]):
        app = create_app(environ)
        app.extensions["storage"].ensure_bucket()
        with app.app_context():
            upgrade()
        yield app
        with app.app_context():
            db.engine.dispose()
        _drop_bucket(app)


def _drop_bucket(app: Flask) -> None:
    storage = app.extensions["storage"]
    objects = storage._inside.list_objects_v2(Bucket=storage.bucket)
    for item in objects.get("Contents", []):
        storage._inside.delete_object(Bucket=storage.bucket, Key=item["Key"])
    storage._inside.delete_bucket(Bucket=storage.bucket)


@pytest.fixture(autouse=True)
def clean(app: Flask, environ: dict[str, str]) -> Iterator[None]:
    """Each test begins with empty tables and an empty Redis database."""
    with Redis.from_url(environ["REDIS_URL"]) as redis:
        redis.flushdb()
    with app.app_context():
        db.session.execute(delete(Story))
        db.session.execute(delete(Pulse))
        db.session.commit()
    return


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """For tests that look into the database themselves."""
    with app.app_context():
        yield


@pytest.fixture
def worker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real worker in a thread of this process. Its retries do not wait."""
    monkeypatch.setattr(tasks, "backoff", lambda retries: 0)
    with start_worker(app.extensions["celery"], perform_ping_check=False, shutdown_timeout=30):
        yield


@pytest.fixture
def app_without(environ: dict[str, str], app: Flask) -> Iterator[Callable[[str], Flask]]:
    """The application when one service is away: app_without("REDIS_URL")."""

    def make(variable: str) -> Flask:
        url = urlsplit(environ[variable])
        user, at, _ = url.netloc.rpartition("@")
        return create_app(
            environ | {variable: urlunsplit(url._replace(netloc=f"{user}{at}{NOBODY}"))}
        )

    yield make
    app.extensions["celery"].set_default()  # creating another application has changed it
