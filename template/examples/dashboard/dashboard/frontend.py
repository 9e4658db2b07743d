"""The page that "npm run build" has made."""

from http import HTTPStatus

from flask import Blueprint, Response, current_app, send_from_directory
from flask.typing import ResponseReturnValue

YEAR = 365 * 24 * 3600

blueprint = Blueprint("frontend", __name__)


@blueprint.get("/")
def page() -> ResponseReturnValue:
    """Asked for anew each time, because it names the files of the newest build."""
    root = current_app.config["FRONTEND_ROOT"]
    if not (root / "index.html").is_file():
        sentence = f"The page has not been built: there is no index.html in {root}. See README.md.\n"
        return Response(sentence, HTTPStatus.SERVICE_UNAVAILABLE, mimetype="text/plain")
    response = send_from_directory(root, "index.html")
    response.cache_control.no_cache = True
    return response


@blueprint.get("/assets/<path:name>")
def asset(name: str) -> Response:
    """Never asked for again: a file with other content has another name."""
    response = send_from_directory(current_app.config["FRONTEND_ROOT"] / "assets", name, max_age=YEAR)
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response
