"""Errors that a client is told about: a status and one sentence, never a stack trace."""

import logging
from http import HTTPStatus

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from psycopg.errors import UndefinedTable
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from stories.config import BODY_LIMIT

log = logging.getLogger(__name__)

# What SQLAlchemy raises when the database does not answer.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)

SENTENCES = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address: check the path and the story's id.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        f"The request is larger than {BODY_LIMIT // 1024} KiB: shorten the text."
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something went wrong on the server: its log has the details. Try again later."
    ),
}


class Problem(Exception):
    """The request cannot be served, and the sentence says what, why and what to do next."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def database_problem(error: Exception) -> Problem:
    """Say what a failure of the database means to a client; the log keeps the cause."""
    log.error("database: %s", error)
    if isinstance(getattr(error, "orig", None), UndefinedTable):
        sentence = "The database has no tables yet: run the migrations (flask db upgrade)."
    else:
        sentence = "The database cannot be reached, and nothing was changed: try again in a moment."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, sentence)


def init_app(app: Flask) -> None:
    """Answer every error under /api with JSON; pages handle what they can show by themselves."""

    @app.errorhandler(Problem)
    def on_problem(problem: Problem) -> ResponseReturnValue:
        return _answer(problem.status, problem.sentence)

    @app.errorhandler(DBAPIError)
    @app.errorhandler(PoolTimeout)
    def on_database(error: Exception) -> ResponseReturnValue:
        undefined_table = isinstance(getattr(error, "orig", None), UndefinedTable)
        if isinstance(error, DATABASE_AWAY) or undefined_table:
            return on_problem(database_problem(error))
        raise error

    @app.errorhandler(HTTPException)
    def on_http(error: HTTPException) -> ResponseReturnValue:
        if isinstance(error.response, Response) or error.code is None or error.code < 400:
            return error
        status = HTTPStatus(error.code)
        sentence = SENTENCES.get(status) or f"{status.phrase}: {error.description}"
        answer, _ = _answer(status, sentence)
        # Keeps headers such as Allow of "405 Method Not Allowed".
        answer.headers.extend(
            (name, value) for name, value in error.get_headers() if name != "Content-Type"
        )
        return answer, status

    def _answer(status: HTTPStatus, sentence: str) -> tuple[Response, HTTPStatus]:
        if request.path.startswith("/api/"):
            return jsonify(error=sentence), status
        return Response(f"{sentence}\n", mimetype="text/plain"), status
