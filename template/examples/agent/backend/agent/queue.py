"""Celery, as API and worker share it. The API sends a task by its name and imports nothing of the work."""

import ssl
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from agent.outside import using
from agent.settings import settings

WRITE_BRIEFING = "agent.write_briefing"

# Of rediss://. Celery's own default asks for no certificate and says so in a warning.
VERIFIED = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


def configuration(url: str) -> dict[str, Any]:
    """What Celery is told, with the reasons."""
    return {
        "broker_url": url,
        "broker_use_ssl": VERIFIED if url.startswith("rediss://") else None,
        # What comes out is a row of the database and an object of the store.
        "task_ignore_result": True,
        # A worker that dies gives its task back. So it may run twice, and is made for it.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_soft_time_limit": 600,
        "task_time_limit": 630,
        "broker_transport_options": {
            # Longer than a task may take, or Redis hands it out twice.
            "visibility_timeout": 900,
            "socket_connect_timeout": 3,
            "socket_timeout": 10,
            # Providers cut connections that are idle.
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
        # A worker waits for its queue, however long that takes.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # Who sends has somebody waiting for an answer.
        "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0.2, "interval_step": 0.3},
    }


celery = Celery("agent")
celery.conf.update(configuration(settings().queue.url.get_secret_value()))


def outside() -> Any:
    """Around everything that asks the queue."""
    return using("The queue", "Queue__Url", OperationalError, RedisError, OSError)


def send(job: str) -> None:
    """Hands a job to whichever worker is free. Raises OutsideError."""
    with outside():
        celery.send_task(WRITE_BRIEFING, (job,))


def check() -> None:
    """Finds out whether the queue takes a connection. Raises OutsideError."""
    with outside(), celery.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0.2, timeout=10)
