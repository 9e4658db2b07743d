"""The work on a batch: exact, and each row once, whatever happens to the worker."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from dashboard import batches, sample
from dashboard.models import Batch, Day, Reading, Rejection, Sensor, Status, db

pytestmark = pytest.mark.usefixtures("context")


def batch_of(app: Flask, text: str) -> UUID:
    """A batch whose file has these lines."""
    batch = batches.add("readings.csv")
    batches.upload_path(app.config["UPLOAD_FOLDER"], batch.id).write_text(f"sensor,time,value\n{text}")
    return batch.id


def sample_text(rows: int) -> str:
    """Lines of the sample."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sample.make(rows))
    return text.getvalue()


def work(app: Flask, batch_id: UUID) -> Batch:
    """Works the batch through."""
    batches.process(app.config["UPLOAD_FOLDER"], batch_id)
    batch = db.session.get(Batch, batch_id, populate_existing=True)
    assert batch
    return batch


def count(model: type[Reading | Rejection]) -> int:
    """How many there are."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_readings_days_and_rejections_are_exact(app: Flask) -> None:
    """To the third decimal, and by UTC's days."""
    good = [
        "gh1-air,2026-03-01T00:30:00+01:00,20.001",
        "gh1-air,2026-03-01T12:00Z,10.1",
        "gh1-air,2026-03-01T23:59:59.5Z,10.2",
    ]
    batch = work(app, batch_of(app, "\n".join([*good, "gh1-air,2026-03-01T12:00Z,warm", "no"])))
    assert (batch.status, batch.rows, batch.rows_done, batch.rows_rejected) == (Status.DONE, 5, 5, 2)
    assert batch.finished_at
    moments = db.session.scalars(select(Reading.measured_at).order_by(Reading.measured_at)).all()
    assert moments[0] == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    assert moments[2].microsecond == 500_000
    sensor_id = db.session.scalar(select(Sensor.id).where(Sensor.code == "gh1-air"))
    first = db.session.get_one(Day, (sensor_id, date(2026, 2, 28)))
    assert (first.readings, first.lowest, first.highest) == (1, Decimal("20.001"), Decimal("20.001"))
    second = db.session.get_one(Day, (sensor_id, date(2026, 3, 1)))
    assert (second.readings, second.total, second.mean) == (2, Decimal("20.3"), 10.15)
    rejections = db.session.scalars(select(Rejection).order_by(Rejection.line)).all()
    assert [(row.line, row.text) for row in rejections] == [(5, "gh1-air,2026-03-01T12:00Z,warm"), (6, "no")]


def test_a_time_is_taken_once(app: Flask) -> None:
    """Within a chunk, within a file, and in the next file."""
    line = "gh1-air,2026-03-01T12:00Z,10.5"
    others = sample_text(batches.CHUNK).replace("gh1-air", "gh2-air")
    work(app, batch_of(app, f"{line}\n{line}\n{others}{line}\n"))
    again = work(app, batch_of(app, line.replace("12:00Z", "13:00+01:00")))
    assert (again.status, again.rows_rejected) == (Status.DONE, 1)
    sensor = select(Sensor.id).where(Sensor.code == "gh1-air").scalar_subquery()
    assert db.session.scalar(select(func.count()).where(Reading.sensor_id == sensor)) == 1
    reasons = db.session.scalars(
        select(Rejection.reason).where(Rejection.text.startswith("gh1-air,2026-03-01T1"))
    )
    assert reasons.all() == ["the sensor has a reading of this time already"] * 3


def test_a_day_that_comes_in_pieces_is_added_up_right(app: Flask) -> None:
    """Several chunks and several batches for the same days."""
    text = sample_text(4000)
    lines = text.splitlines(keepends=True)
    for part in (lines[::2], lines[1::2]):
        work(app, batch_of(app, "".join(part)))
    values: dict[tuple[int, date], list[Decimal]] = {}
    for reading in db.session.scalars(select(Reading)):
        values.setdefault((reading.sensor_id, reading.measured_at.date()), []).append(reading.value)
    days = {(day.sensor_id, day.day): day for day in db.session.scalars(select(Day))}
    assert len(values) > 12
    assert days.keys() == values.keys()
    for key, day in days.items():
        assert (day.readings, day.lowest, day.highest) == (
            len(values[key]),
            min(values[key]),
            max(values[key]),
        )
        assert day.total == sum(values[key])
        assert day.mean == pytest.approx(float(day.total) / day.readings)


def test_a_worker_that_died_is_followed_by_one_that_goes_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row twice, no row lost, no rejection twice."""
    batch_id = batch_of(app, sample_text(1000))
    steps = iter([None, None, KeyboardInterrupt])

    def die(batch: Batch) -> None:
        if batch.rows_done and (error := next(steps, None)):
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(batches.events, "publish", die)
        with pytest.raises(KeyboardInterrupt):
            work(app, batch_id)
    db.session.rollback()
    half = db.session.get_one(Batch, batch_id, populate_existing=True)
    assert (half.status, half.rows_done) == (Status.WORKING, 3 * batches.CHUNK)
    whole = work(app, batch_id)
    assert (whole.status, whole.rows_done, whole.attempt) == (Status.DONE, 1000, 2)
    assert (count(Reading), count(Rejection), whole.rows_rejected) == (990, 10, 10)


def test_only_the_newest_attempt_may_write(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that was delivered twice ends when it notices."""
    batch_id = batch_of(app, sample_text(1000))
    publish = batches.events.publish

    def overtake(batch: Batch) -> None:
        if batch.rows_done == batches.CHUNK:
            monkeypatch.setattr(batches.events, "publish", publish)
            with app.app_context():
                work(app, batch_id)

    monkeypatch.setattr(batches.events, "publish", overtake)
    with pytest.raises(batches.SupersededError):
        batches.process(app.config["UPLOAD_FOLDER"], batch_id)
    batch = db.session.get_one(Batch, batch_id, populate_existing=True)
    assert (batch.status, batch.rows_done, count(Reading)) == (Status.DONE, 1000, 990)


def test_what_is_finished_is_not_begun_again(app: Flask) -> None:
    """A task that is delivered after its end does nothing."""
    batch = work(app, batch_of(app, sample_text(10)))
    ended = batch.finished_at
    assert work(app, batch.id).finished_at == ended
    assert batches.claim(UUID(int=0)) is None


def test_a_file_that_kills_every_worker_is_given_up(app: Flask) -> None:
    """Otherwise it would come back for ever."""
    batch_id = batch_of(app, sample_text(10))
    for _ in range(batches.MAX_ATTEMPTS):
        assert batches.claim(batch_id)
    assert batches.claim(batch_id) is None
    batch = db.session.get_one(Batch, batch_id)
    assert (batch.status, "never finished" in (batch.error or "")) == (Status.FAILED, True)


@pytest.mark.parametrize(("text", "sentence"), [("", "no rows"), ('gh1-air,t,"' + "9" * 200_000, "no CSV")])
def test_a_file_without_rows_fails_with_a_sentence(app: Flask, text: str, sentence: str) -> None:
    """And not with a stack trace."""
    batch = work(app, batch_of(app, text))
    assert batch.status == Status.FAILED
    assert sentence in (batch.error or "")


def test_a_file_that_is_gone_fails_with_a_sentence(app: Flask) -> None:
    """The volume was changed, say."""
    batch_id = batch_of(app, "")
    Path(batches.upload_path(app.config["UPLOAD_FOLDER"], batch_id)).unlink()
    assert "upload it again" in (work(app, batch_id).error or "")
