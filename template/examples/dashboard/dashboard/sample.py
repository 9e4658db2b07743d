"""A file of readings to try the dashboard with: flask --app dashboard sample 20000 > readings.csv."""

import csv
import math
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)
# Every so many rows stands one that is no reading.
BAD_EVERY = 100
BAD = (
    ["gh9-air", "{time}", "20.0"],
    ["gh1-air", "yesterday", "20.0"],
    ["gh1-air", "{time}", "warm"],
    ["gh1-air", "{time}", "451"],
    ["field-old", "{time}", "11.5"],
    ["gh1-air", "{time}"],
)


@click.command()
@click.argument("rows", type=click.IntRange(1, 500_000), default=20_000)
@click.option("--begin", type=click.DateTime(), help="Time of the first reading (UTC).")
def sample(rows: int, begin: datetime | None) -> None:
    """Writes a CSV file of so many ROWS, one in a hundred of them bad, to standard output."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["sensor", "time", "value"])
    writer.writerows(make(rows, begin.replace(tzinfo=UTC) if begin else BEGIN))


def make(rows: int, begin: datetime = BEGIN) -> Iterator[list[str]]:
    """Temperatures and humidities that go up and down with the day, always the same ones."""
    for number in range(rows):
        step, which = divmod(number, 4)
        time = begin + step * STEP
        wave = math.sin((time.hour * 60 + time.minute) / 1440 * 2 * math.pi - math.pi / 2)
        readings = (
            ["gh1-air", f"{21 + 6 * wave:.1f}"],
            ["gh1-humidity", f"{60 - 20 * wave:.3f}"],
            ["field-air", f"{9 + 8 * wave:.2f}"],
            ["field-pressure", f"{1013 + step % 7:d}"],
        )
        if number % BAD_EVERY == BAD_EVERY - 1:
            yield [field.format(time=time.isoformat()) for field in BAD[number // BAD_EVERY % len(BAD)]]
        else:
            sensor, value = readings[which]
            yield [sensor, time.isoformat(), value]
