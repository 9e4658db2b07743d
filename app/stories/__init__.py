"""Storytelling: stories become spoken audio.

A browser hands in a text, the web process puts it into the queue, a worker speaks it with a
narrator, and the recording lies in an S3 bucket from which the browser plays it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from stories import api, config, events, pages, problems, queue, seed, storage
from stories.models import db

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def create_app(environ: Mapping[str, str] = os.environ) -> Flask:
    """Build the application from environment variables; tests hand in their own."""
    app = Flask(__name__)
    app.config.from_mapping(config.load(environ))

    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS))
    storage.init_app(app)
    events.init_app(app)
    queue.init_app(app)

    problems.init_app(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.cli.add_command(seed.seed)

    with app.app_context():
        engine = db.engine
    # Two processes must not talk over one database connection. This covers every kind of fork:
    # Celery's prefork pool and "gunicorn --preload" alike.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))

    return app
