"""Sites and sensors to begin with: flask --app dashboard seed."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from dashboard.models import Sensor, Site, Unit, db

NURSERY = Path(__file__).parent / "seeds" / "nursery.json"


@click.command()
@with_appcontext
def seed() -> None:
    """Adds a plant nursery with its sensors. Run it as often as you like: each is added once."""
    nursery = json.loads(NURSERY.read_text(encoding="utf-8"))
    for sign, name in nursery["units"].items():
        if not db.session.get(Unit, sign):
            db.session.add(Unit(sign=sign, name=name))
    sites = {site.code: site for site in db.session.scalars(select(Site))}
    for row in nursery["sites"]:
        if row["code"] not in sites:
            sites[row["code"]] = Site(code=row["code"], name=row["name"], note=row.get("note"))
            db.session.add(sites[row["code"]])
    db.session.flush()
    # Only now: the nursery grew, and some of its sites are older than the one around them.
    for row in nursery["sites"]:
        sites[row["code"]].parent_id = sites[row["parent"]].id if "parent" in row else None
    known = set(db.session.scalars(select(Sensor.code)))
    for row in nursery["sensors"]:
        if row["code"] not in known:
            db.session.add(_sensor(row, sites[row["site"]]))
    db.session.commit()
    click.echo(f"{len(sites)} sites, {len(known | {row['code'] for row in nursery['sensors']})} sensors")


def _sensor(row: dict[str, Any], site: Site) -> Sensor:
    lowest, highest = row["range"]
    return Sensor(
        site_id=site.id,
        unit_sign=row["unit"],
        code=row["code"],
        active=row.get("active", True),
        lowest=Decimal(lowest),
        highest=Decimal(highest),
        installed_on=date.fromisoformat(row["installed"]),
        details=row.get("details", {}),
    )
