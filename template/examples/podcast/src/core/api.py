"""The API and its page. Every error under /api is ``{"error": "one sentence"}``."""

import logging
import os
import sys
import time
import uuid
from http import HTTPStatus
from pathlib import PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO, Any

from celery.exceptions import OperationalError
from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    current_app,
    jsonify,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge

from core.celery_worker import process
from core.config import MEGABYTE, Settings
from core.pipeline import FILES, STEPS
from core.store import Store

log = logging.getLogger(__name__)
blueprint = Blueprint("api", __name__)

LIST_LIMIT = 50
NAME_LIMIT = 200
# Who sends too much is read for this long, or would see a broken connection instead of the answer.
LINGER_SECONDS = 10


class UploadRequest(Request):
    """Writes an upload where it is going to stay.

    Werkzeug's own place is /tmp, which in a container may be memory.
    """

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        return NamedTemporaryFile(dir=_settings().uploads, suffix=".part")


def _settings() -> Settings:
    return current_app.extensions["settings"]


def _store() -> Store:
    return current_app.extensions["store"]


def init_app(app: Flask) -> None:
    """Adds the routes and the answers to errors."""
    app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _on_problem)


def _on_problem(error: HTTPException) -> ResponseReturnValue:
    sentence = error.description
    if isinstance(error, RequestEntityTooLarge):
        limit = _settings().upload_limit // MEGABYTE
        sentence = f"The recording is larger than {limit} MB: split it, or make it mono."
        _linger()
    return jsonify(error=sentence), error.code or HTTPStatus.INTERNAL_SERVER_ERROR


def _linger() -> None:
    # Not a byte more than was announced: the server's input may have no end of its own.
    left = request.content_length or sys.maxsize
    end = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < end and (chunk := request.environ["wsgi.input"].read(min(left, MEGABYTE))):
        left -= len(chunk)


@blueprint.get("/health")
def health() -> ResponseReturnValue:
    """Says that this process answers, and nothing else: a queue that is away must not restart the web."""
    return jsonify(status="ok")


@blueprint.get("/")
def page() -> str:
    """The page, which uses the API like anybody else."""
    return render_template("index.html", limit=_settings().upload_limit // MEGABYTE)


@blueprint.post("/api/episodes")
def create() -> ResponseReturnValue:
    """Takes a recording. Whether it is a good one its episode will say."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        problem = 'No recording arrived: send it as the form\'s "file", as curl --form file=@talk.wav does.'
        return jsonify(error=problem), HTTPStatus.BAD_REQUEST
    episode_id = str(uuid.uuid4())
    path = _settings().uploads / f"{episode_id}.wav"
    upload.stream.flush()
    os.fsync(upload.stream.fileno())
    # A second name for the same file; the temporary one goes when the request ends.
    path.hardlink_to(upload.stream.name)
    name = PurePosixPath(upload.filename).name[:NAME_LIMIT]
    _store().add(episode_id, name, path.stat().st_size, tuple(STEPS))
    try:
        process.delay(episode_id)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("queue: %s", error)
        _store().remove(episode_id)
        path.unlink()
        problem = "The queue cannot be reached, so the recording was not kept: try again in a moment."
        return jsonify(error=problem), HTTPStatus.SERVICE_UNAVAILABLE
    location = url_for("api.show", episode_id=episode_id)
    return jsonify(id=episode_id), HTTPStatus.ACCEPTED, {"Location": location}


@blueprint.get("/api/episodes")
def index() -> ResponseReturnValue:
    """The newest first."""
    return jsonify([_present(episode) for episode in _store().latest(LIST_LIMIT)])


@blueprint.get("/api/episodes/<uuid:episode_id>")
def show(episode_id: uuid.UUID) -> ResponseReturnValue:
    """How far it is, and what came out."""
    return jsonify(_present(_find(episode_id)))


@blueprint.get("/api/episodes/<uuid:episode_id>/<any('episode.mp3', 'waveform.png', 'report.json'):name>")
def download(episode_id: uuid.UUID, name: str) -> Response:
    """A file of a finished episode."""
    return send_from_directory(_settings().outputs / str(episode_id), name)


def _find(episode_id: uuid.UUID) -> dict[str, Any]:
    if episode := _store().find(str(episode_id)):
        return episode
    raise NotFound(f"There is no episode {episode_id}: take an id from GET /api/episodes.")


def _present(episode: dict[str, Any]) -> dict[str, Any]:
    """What the outside sees. What the programs said stays inside."""
    files = FILES if episode["status"] == "done" else ()
    shown = {name: value for name, value in episode.items() if name != "detail"}
    return shown | {
        "files": {name: url_for("api.download", episode_id=episode["id"], name=name) for name in files}
    }
