"""The same database everywhere."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from dashboard.models import Batch, Sensor, Site, Unit, db

pytestmark = pytest.mark.usefixtures("context")


def test_the_migrations_make_what_the_models_say() -> None:
    """On the database that these tests run on."""
    with db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_the_seed_is_added_once(app: Flask) -> None:
    """However often it is run."""
    result = app.test_cli_runner().invoke(args=["seed"])
    assert (result.exit_code, result.output) == (0, "5 sites, 8 sensors\n")
    assert len(db.session.scalars(select(Sensor)).all()) == 8
    assert {unit.sign for unit in db.session.scalars(select(Unit))} == {"°C", "%", "lx", "hPa"}


def test_a_site_knows_where_it_lies() -> None:
    """Its parents may be younger than it is."""
    site = db.session.scalars(select(Site).where(Site.code == "gh-2-east")).one()
    assert site.path() == "Gärtnerei Lindenhof / Greenhouse 2 / East bench"
    assert site.note == "Seedlings — 種苗 — 🌱"


def test_a_moment_comes_back_in_utc_with_its_microseconds() -> None:
    """From whatever zone it came."""
    batch = Batch(
        file_name="a", created_at=datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    )
    db.session.add(batch)
    db.session.commit()
    found = db.session.scalar(select(Batch.created_at).where(Batch.id == batch.id))
    assert found == datetime(2026, 3, 29, 0, 30, 0, 123456, tzinfo=UTC)
    assert found.tzinfo == UTC


def test_a_moment_without_a_zone_is_refused() -> None:
    """Nobody could say later which one was meant."""
    with pytest.raises(StatementError, match="no time zone"):
        db.session.scalar(select(Batch).where(Batch.created_at == datetime(2026, 1, 1)))  # noqa: DTZ001
