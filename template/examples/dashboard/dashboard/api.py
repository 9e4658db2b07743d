"""The JSON API. Every error under /api is ``{"error": "one sentence"}``."""

import logging
from http import HTTPStatus
from pathlib import PurePosixPath
from uuid import UUID

from celery.exceptions import OperationalError
from flask import Blueprint, Flask, Response, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge

from dashboard import batches, events, present
from dashboard.config import MEGABYTE, UPLOAD_LIMIT
from dashboard.models import Batch, Day, Rejection, Sensor, db
from dashboard.tasks import process

log = logging.getLogger(__name__)
blueprint = Blueprint("api", __name__)

BATCHES = 20
REJECTIONS = 100


def init_app(app: Flask) -> None:
    """Adds the routes and the answers to errors."""
    app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _on_problem)
    app.register_error_handler(DBAPIError, _on_database)
    app.register_error_handler(PoolTimeoutError, _on_database)


def _on_problem(error: HTTPException) -> ResponseReturnValue:
    if not request.path.startswith("/api/"):
        return error
    sentence = error.description
    if isinstance(error, RequestEntityTooLarge):
        sentence = f"The file is larger than {UPLOAD_LIMIT // MEGABYTE} MB: upload it in several parts."
    return jsonify(error=sentence), error.code or HTTPStatus.INTERNAL_SERVER_ERROR


def _on_database(error: Exception) -> ResponseReturnValue:
    log.error("database: %s", error)
    problem = "The database does not answer, and nothing was changed: try again in a moment."
    return jsonify(error=problem), HTTPStatus.SERVICE_UNAVAILABLE


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Says that this process answers, and nothing else: a database that is away must not restart the web."""
    return jsonify(status="ok")


@blueprint.post("/api/batches")
def create() -> ResponseReturnValue:
    """Takes a file. What is wrong with it, its batch will say."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        problem = 'No file arrived: send it as the form\'s "file", as curl --form file=@readings.csv does.'
        return jsonify(error=problem), HTTPStatus.BAD_REQUEST
    batch = batches.add(PurePosixPath(upload.filename).name)
    path = batches.upload_path(current_app.config["UPLOAD_FOLDER"], batch.id)
    upload.save(path)
    try:
        process.delay(str(batch.id))
    except (OperationalError, RedisError, OSError) as error:
        log.warning("queue: %s", error)
        db.session.delete(batch)
        db.session.commit()
        path.unlink()
        problem = "The queue cannot be reached, so the file was not kept: try again in a moment."
        return jsonify(error=problem), HTTPStatus.SERVICE_UNAVAILABLE
    events.publish(batch)
    location = url_for("api.show", batch_id=batch.id)
    return jsonify(id=str(batch.id)), HTTPStatus.ACCEPTED, {"Location": location}


def _latest() -> list[events.State]:
    return [present.batch(batch) for batch in Batch.latest(BATCHES)]


@blueprint.get("/api/batches")
def index() -> ResponseReturnValue:
    """The newest first."""
    return jsonify(_latest())


@blueprint.get("/api/batches/<uuid:batch_id>")
def show(batch_id: UUID) -> ResponseReturnValue:
    """How far it is, and the first lines that were no readings."""
    batch = db.session.get(Batch, batch_id)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}: take an id from GET /api/batches.")
    query = select(Rejection).where(Rejection.batch_id == batch_id).order_by(Rejection.line).limit(REJECTIONS)
    rejections = [present.rejection(row) for row in db.session.scalars(query)]
    return jsonify(present.batch(batch) | {"rejections": rejections})


@blueprint.get("/api/sensors")
def sensors() -> ResponseReturnValue:
    """Who may send readings."""
    query = select(Sensor).options(joinedload(Sensor.site)).order_by(Sensor.code)
    return jsonify([present.sensor(sensor) for sensor in db.session.scalars(query)])


@blueprint.get("/api/sensors/<code>/days")
def days(code: str) -> ResponseReturnValue:
    """What a sensor measured, day by day, the newest first."""
    sensor = db.session.scalar(select(Sensor).where(Sensor.code == code))
    if sensor is None:
        raise NotFound(f"There is no sensor {code}: take a code from GET /api/sensors.")
    query = select(Day).where(Day.sensor_id == sensor.id).order_by(Day.day.desc())
    return jsonify([present.day(day) for day in db.session.scalars(query)])


@blueprint.get("/api/events")
def stream() -> ResponseReturnValue:
    """Server-sent events: ``batches`` with the newest ones, then ``batch`` for each change."""
    hub, app = events.hub(), current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001
    viewer = hub.join()
    if viewer is None:
        problem = "All places for live progress are taken: ask GET /api/batches every few seconds."
        return jsonify(error=problem), HTTPStatus.SERVICE_UNAVAILABLE

    def read() -> list[events.State]:
        # In a context of its own, so that the database connection is free as soon as this is read.
        with app.app_context():
            return _latest()

    response = Response(viewer.events(read), mimetype="text/event-stream")
    # Not "finally" in the generator: one that never began has none.
    response.call_on_close(lambda: hub.leave(viewer))
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response
