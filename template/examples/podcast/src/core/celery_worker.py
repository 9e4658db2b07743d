"""What ``celery -A core.celery_worker.celery worker`` loads, and what the web process sends."""

import os

from celery import Celery

from core import config, pipeline
from core.store import Store

# The longest recording that fits into the upload limit takes a third of it on a small machine.
LIMIT_SECONDS = 900

settings = config.load(os.environ)
celery = Celery("podcast", broker=settings.redis_url)
celery.conf.update(
    task_ignore_result=True,  # the result is the episode's row
    # A worker that dies gives its task back. Therefore each task may run twice; core.pipeline is made for it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_soft_time_limit=LIMIT_SECONDS,
    task_time_limit=LIMIT_SECONDS + 30,
    worker_prefetch_multiplier=1,  # long tasks: take one, leave the others to other workers
    # The upload is refused at once when the queue is away; the visitor can press the button again.
    task_publish_retry=False,
    broker_transport_options={
        "visibility_timeout": LIMIT_SECONDS + 300,  # longer than any task, or Redis hands it out twice
        "socket_connect_timeout": 2,
        "socket_timeout": 2.5,
        "max_retries": 0,  # of the first connection; workers have their own settings below
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A broker that restarts does not end the work under way.
    worker_cancel_long_running_tasks_on_connection_loss=False,
)


@celery.task(name="podcast.process")
def process(episode_id: str) -> None:
    """Makes an episode of its upload."""
    pipeline.process(Store(settings.database), settings, episode_id)
