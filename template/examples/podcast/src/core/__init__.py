"""Podcast: a recording becomes an episode that is as loud as all others, without its silences.

The web process stores the upload and queues it, a worker sends it through ffmpeg step by step, and
both share one SQLite database and two folders beside it.
"""

from flask import Flask

from core import api, config
from core.store import Store


def create_app(settings: config.Settings) -> Flask:
    """Builds the web application. Its routes are in ``core.api``."""
    app = Flask(__name__)
    app.request_class = api.UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.upload_limit
    app.extensions["settings"] = settings
    app.extensions["store"] = Store(settings.database)
    settings.uploads.mkdir(parents=True, exist_ok=True)
    settings.outputs.mkdir(exist_ok=True)
    api.init_app(app)
    return app
