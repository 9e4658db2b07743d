"""The web application: ``gunicorn run:app``, or ``python run.py`` for a look at it."""

import os

from core import create_app
from core.celery_worker import settings

app = create_app(settings)

if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")))
