"""From a line of a CSV file to a reading, or to a sentence that says why it is none."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from dashboard.models import Sensor

COLUMNS = ["sensor", "time", "value"]
DECIMALS = 3


class FileProblemError(Exception):
    """Nothing of the file can be used. One sentence for whoever uploaded it."""


class LineProblemError(Exception):
    """One line is no reading. The rest of the file may be good."""


@dataclass(frozen=True)
class Line:
    """One row of the file, and where it stands."""

    number: int
    fields: list[str]

    @property
    def text(self) -> str:
        """What was written there. No database but SQLite stores a NUL."""
        return ",".join(self.fields).replace("\0", "\N{SYMBOL FOR NULL}")


@dataclass(frozen=True)
class Measured:
    """A reading that its sensor can have made."""

    sensor_id: int
    at: datetime
    value: Decimal

    @property
    def key(self) -> tuple[int, datetime]:
        """A sensor has one reading of a time."""
        return self.sensor_id, self.at


def read_lines(path: Path) -> Iterator[Line]:
    """The lines below the header. Raises FileProblemError when this is no such file."""
    try:
        # A spreadsheet begins its files with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            if header != COLUMNS:
                raise FileProblemError(f"The first line is not “{','.join(COLUMNS)}”: add it, or correct it.")
            for fields in reader:
                if fields:
                    yield Line(reader.line_num, fields)
    except UnicodeDecodeError as error:
        raise FileProblemError("The file is not UTF-8: export it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise FileProblemError(f"The file is no CSV below line {reader.line_num}: {error}.") from error
    except FileNotFoundError as error:
        raise FileProblemError("The file is gone from the server: upload it again.") from error


def check(line: Line, sensors: Mapping[str, Sensor]) -> Measured:
    """Makes a reading of the line. Raises LineProblemError."""
    if len(line.fields) != len(COLUMNS):
        raise LineProblemError(f"{len(line.fields)} columns instead of {len(COLUMNS)}")
    code, time, value = (field.strip() for field in line.fields)
    sensor = sensors.get(code)
    if sensor is None:
        raise LineProblemError("no sensor has this code")
    if not sensor.active:
        raise LineProblemError("the sensor is not in use")
    at = _moment(time)
    if at.date() < sensor.installed_on:
        raise LineProblemError(f"the sensor was installed on {sensor.installed_on}")
    return Measured(sensor.id, at, _value(value, sensor))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LineProblemError("the time is not in ISO 8601, such as 2026-11-24T18:30:00+01:00") from error
    if moment.tzinfo is None:
        raise LineProblemError("the time has no zone, such as +01:00 or Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # the year 1 or 9999, and a zone that leads out of it
        raise LineProblemError("the time is out of range") from error


def _value(text: str, sensor: Sensor) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise LineProblemError("the value is not a number with a decimal point") from error
    if not value.is_finite():
        raise LineProblemError("the value is not finite")
    if not sensor.lowest <= value <= sensor.highest:
        raise LineProblemError(f"the value is not between {sensor.lowest} and {sensor.highest}")
    if round(value, DECIMALS) != value:
        raise LineProblemError(f"the value has more than {DECIMALS} decimals")
    return round(value, DECIMALS)
