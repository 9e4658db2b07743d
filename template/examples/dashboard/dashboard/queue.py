"""Celery, wired to the Flask application: every task runs inside its context."""

from typing import Any

from celery import Celery, Task
from flask import Flask


def init_app(app: Flask) -> None:
    """Makes the Celery application."""

    class FlaskTask(Task):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with app.app_context():
                return self.run(*args, **kwargs)

    # The default one is what @shared_task means, in every thread.
    celery = Celery(app.name, task_cls=FlaskTask, set_as_current=False)
    celery.config_from_object(app.config["CELERY"])
    celery.set_default()
    app.extensions["celery"] = celery
