"""Dashboard: files of sensor readings are checked and added up, and every browser sees it live.

A browser uploads a CSV file, the web process puts it into the queue, a worker goes through it row by
row, and each step of the worker reaches all browsers as a server-sent event.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from dashboard import api, config, events, frontend, queue, sample, seed
from dashboard.models import db


def create_app(environ: Mapping[str, str] = os.environ) -> Flask:
    """Builds the application from environment variables; tests hand in their own."""
    app = Flask(__name__, static_folder=None)
    app.config.from_mapping(config.load(environ))

    db.init_app(app)
    Migrate(app, db, directory=str(config.ROOT / "migrations"))
    queue.init_app(app)
    events.init_app(app)
    api.init_app(app)
    app.register_blueprint(frontend.blueprint)
    app.cli.add_command(seed.seed)
    app.cli.add_command(sample.sample)

    app.config["UPLOAD_FOLDER"].mkdir(parents=True, exist_ok=True)
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    # Two processes must not talk over one database connection.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return app
