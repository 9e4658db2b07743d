"""Heartbeat and stop of the worker, brought in by ``celery worker --include docker_roles.worker``.

Celery sends ``heartbeat_sent`` every two seconds from the loop that also takes tasks from the
broker. A frozen process and a lost broker both silence it, which ``celery inspect ping`` in a
health check finds out at a hundred times the cost.
"""

import os
from typing import Any

from celery import current_app
from celery.signals import heartbeat_sent, worker_ready, worker_shutdown

from docker_roles import heartbeat


@worker_ready.connect
@heartbeat_sent.connect
def _alive(**_: Any) -> None:
    heartbeat.write()


@worker_shutdown.connect
def _gone(**_: Any) -> None:
    heartbeat.remove()


def configure(conf: Any) -> None:
    """Puts the worker's settings from the environment into Celery's configuration."""
    if timeout := os.environ.get("WORKER_STOP_TIMEOUT"):
        conf.worker_soft_shutdown_timeout = float(timeout)
    if visibility := os.environ.get("WORKER_VISIBILITY_TIMEOUT"):
        options = dict(conf.broker_transport_options or {})
        conf.broker_transport_options = {**options, "visibility_timeout": float(visibility)}


configure(current_app.conf)
