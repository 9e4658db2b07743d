"""What Celery's commands load: celery -A stories.worker:celery worker, beat, flower."""

from celery import Celery

from stories import create_app

celery: Celery = create_app().extensions["celery"]
