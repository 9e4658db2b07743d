"""What ``celery --app dashboard.worker worker`` loads."""

from celery import Celery

from dashboard import create_app

celery: Celery = create_app().extensions["celery"]
