"""Which lines are readings, and what is said of the others."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard.models import Sensor
from dashboard.readings import FileProblemError, Line, LineProblemError, Measured, check, read_lines

AIR = Sensor(
    id=1, code="air", active=True, lowest=Decimal(-20), highest=Decimal(60), installed_on=date(2020, 2, 29)
)
OLD = Sensor(
    id=2, code="old", active=False, lowest=Decimal(0), highest=Decimal(1), installed_on=date(2020, 1, 1)
)
SENSORS = {sensor.code: sensor for sensor in (AIR, OLD)}


def test_a_good_line_is_kept_to_the_last_digit_and_in_utc() -> None:
    """Blanks around the fields do not matter."""
    line = Line(2, [" air", "2026-11-24T01:30:00+02:00 ", " 21.305"])
    assert check(line, SENSORS) == Measured(1, datetime(2026, 11, 23, 23, 30, tzinfo=UTC), Decimal("21.305"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("air,2026-01-01T00:00Z", "2 columns instead of 3"),
        ("air,2026-01-01T00:00Z,20,5", "4 columns instead of 3"),
        ("fire,2026-01-01T00:00Z,20", "no sensor has this code"),
        ("old,2026-01-01T00:00Z,1", "not in use"),
        ("air,yesterday,20", "not in ISO 8601"),
        ("air,2026-01-01 00:00,20", "has no zone"),
        ("air,0001-01-01T00:00+14:00,20", "out of range"),
        ("air,2020-02-28T23:59Z,20", "installed on 2020-02-29"),
        ("air,2026-01-01T00:00Z,warm", "not a number"),
        ("air,2026-01-01T00:00Z,", "not a number"),
        ("air,2026-01-01T00:00Z,NaN", "not finite"),
        ("air,2026-01-01T00:00Z,-Infinity", "not finite"),
        ("air,2026-01-01T00:00Z,60.001", "not between -20 and 60"),
        ("air,2026-01-01T00:00Z,20.0005", "more than 3 decimals"),
    ],
)
def test_a_line_that_is_no_reading_says_why(text: str, sentence: str) -> None:
    """In words for who made the file."""
    with pytest.raises(LineProblemError, match=sentence):
        check(Line(2, text.split(",")), SENSORS)


def test_a_spreadsheets_file_is_read(tmp_path: Path) -> None:
    """Byte order mark, other line ends, quotes, capitals in the header, empty lines."""
    path = tmp_path / "readings.csv"
    path.write_bytes('\ufeffSensor,Time,Value\r\n"air","t",1\r\n\r\nair,t,2\r\n'.encode())
    assert [(line.number, line.fields[2]) for line in read_lines(path)] == [(2, "1"), (4, "2")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "first line is not"),
        (b"a,b\n", "first line is not"),
        ("sensor,time,value\nlüft,t,1\n".encode("latin-1"), "not UTF-8"),
        (b"sensor,time,value\nair,t," + b"9" * 200_000, "no CSV below line"),
    ],
)
def test_a_file_that_is_none_says_so(tmp_path: Path, content: bytes, sentence: str) -> None:
    """In one sentence."""
    path = tmp_path / "readings.csv"
    path.write_bytes(content)
    with pytest.raises(FileProblemError, match=sentence):
        list(read_lines(path))
