"""The work: a file goes into the database chunk by chunk, and the count of its rows with it.

Every chunk is one transaction, which also notes how many rows are done. So a worker that dies loses at
most a chunk, and the next one goes on behind the last: no row is stored twice, and none is left out.
A task may be delivered twice at the same time; then only the newest attempt may write.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import batched, islice
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.engine import CursorResult

from dashboard import events
from dashboard.models import (
    FILE_NAME_LENGTH,
    LINE_LENGTH,
    REASON_LENGTH,
    UNFINISHED,
    Batch,
    Day,
    Reading,
    Rejection,
    Sensor,
    Status,
    db,
    now,
)
from dashboard.readings import FileProblemError, Line, LineProblemError, Measured, check, read_lines

CHUNK = 250
# More starts than restarts explain. Beyond, the file itself must be what kills the worker.
MAX_ATTEMPTS = 20
KNOWN = "the sensor has a reading of this time already"


class SupersededError(Exception):
    """A newer attempt works on this batch, so this one has nothing more to say."""


def upload_path(folder: Path, batch_id: UUID) -> Path:
    """Where the file of a batch lies."""
    return folder / f"{batch_id}.csv"


def add(file_name: str) -> Batch:
    """Notes a new batch."""
    batch = Batch(file_name=file_name[-FILE_NAME_LENGTH:])
    db.session.add(batch)
    db.session.commit()
    return batch


def process(folder: Path, batch_id: UUID) -> None:
    """Works through what is left of a batch. Raises SupersededError."""
    batch = claim(batch_id)
    if batch is None:
        return
    path = upload_path(folder, batch_id)
    try:
        _change(batch, rows=_count(path))
        sensors = {sensor.code: sensor for sensor in db.session.scalars(select(Sensor))}
        for lines in batched(islice(read_lines(path), batch.rows_done, None), CHUNK, strict=False):
            _store(batch, sensors, lines)
    except FileProblemError as problem:
        fail(batch, str(problem))
    else:
        _change(batch, status=Status.DONE, finished_at=now())


def _count(path: Path) -> int:
    rows = sum(1 for _ in read_lines(path))
    if rows == 0:
        raise FileProblemError("The file has a header, but no rows.")
    return rows


def claim(batch_id: UUID) -> Batch | None:
    """Takes a batch to work on it, unless it is finished or gone."""
    query = update(Batch).where(Batch.id == batch_id, Batch.status.in_(UNFINISHED))
    db.session.execute(query.values(status=Status.WORKING, attempt=Batch.attempt + 1))
    db.session.commit()
    batch = db.session.get(Batch, batch_id, populate_existing=True)
    if batch is None or batch.finished:
        return None
    if batch.attempt > MAX_ATTEMPTS:
        fail(batch, f"The work was begun {MAX_ATTEMPTS} times and never finished: see the worker's log.")
        return None
    return batch


def fail(batch: Batch, sentence: str) -> None:
    """Ends a batch with the reason."""
    db.session.rollback()
    _change(batch, status=Status.FAILED, error=sentence, finished_at=now())


def _change(batch: Batch, **values: object) -> None:
    """Writes and tells, if this attempt is still the newest. Raises SupersededError."""
    _update(batch, **values)
    db.session.commit()
    events.publish(batch)


def _update(batch: Batch, **values: object) -> None:
    """Comes first in a transaction: it locks the batch, on SQLite the whole database."""
    mine = (Batch.id == batch.id, Batch.attempt == batch.attempt, Batch.status == Status.WORKING)
    result = db.session.execute(update(Batch).where(*mine).values(**values))
    # MariaDB's driver counts what was found here too, not what was changed.
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        db.session.rollback()
        raise SupersededError


def _store(batch: Batch, sensors: Mapping[str, Sensor], lines: Sequence[Line]) -> None:
    """One chunk: readings, days, rejections and the count, all of it or nothing."""
    _update(batch, rows_done=batch.rows_done + len(lines))
    good, bad = _check(sensors, lines)
    if good:
        rows = [
            {"batch_id": batch.id, "sensor_id": it.sensor_id, "measured_at": it.at, "value": it.value}
            for it in good
        ]
        db.session.execute(insert(Reading), rows)
        _add_to_days(good)
    if bad:
        rows = [
            {
                "batch_id": batch.id,
                "line": line.number,
                "reason": why[:REASON_LENGTH],
                "text": line.text[:LINE_LENGTH],
            }
            for line, why in bad
        ]
        db.session.execute(insert(Rejection), rows)
        _update(batch, rows_rejected=batch.rows_rejected + len(bad))
    db.session.commit()
    events.publish(batch)


def _check(
    sensors: Mapping[str, Sensor], lines: Sequence[Line]
) -> tuple[list[Measured], list[tuple[Line, str]]]:
    """Sorts the lines into good and bad; what is there already is no reading once more."""
    good: dict[tuple[int, datetime], tuple[Line, Measured]] = {}
    bad: list[tuple[Line, str]] = []
    for line in lines:
        try:
            measured = check(line, sensors)
        except LineProblemError as problem:
            bad.append((line, str(problem)))
            continue
        if measured.key in good:
            bad.append((line, KNOWN))
        else:
            good[measured.key] = line, measured
    in_file = tuple_(Reading.sensor_id, Reading.measured_at).in_(list(good))
    for sensor_id, at in db.session.execute(select(Reading.sensor_id, Reading.measured_at).where(in_file)):
        line, _ = good.pop((sensor_id, at))
        bad.append((line, KNOWN))
    return [measured for _, measured in good.values()], bad


def _add_to_days(readings: Sequence[Measured]) -> None:
    by_day: dict[tuple[int, date], list[Decimal]] = {}
    for reading in readings:
        by_day.setdefault((reading.sensor_id, reading.at.date()), []).append(reading.value)
    # Locked, because another worker may have readings of the same days.
    query = select(Day).where(tuple_(Day.sensor_id, Day.day).in_(sorted(by_day))).with_for_update()
    days = {
        (day.sensor_id, day.day): day
        for day in db.session.scalars(query.execution_options(populate_existing=True))
    }
    for (sensor_id, on), values in sorted(by_day.items()):
        day = days.get((sensor_id, on))
        if day is None:
            day = Day(
                sensor_id=sensor_id, day=on, readings=0, lowest=values[0], highest=values[0], total=Decimal(0)
            )
            db.session.add(day)
        day.readings += len(values)
        day.lowest = min(day.lowest, *values)
        day.highest = max(day.highest, *values)
        day.total += sum(values)
        day.mean = float(day.total / day.readings)
