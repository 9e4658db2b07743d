"""Settings, read once from the environment. Nothing else in the application looks there."""

from collections.abc import Mapping
from typing import Any

TITLE_LIMIT = 200
TEXT_LIMIT = 50_000  # characters: about an hour of speech

# Any text within the limit fits, even when each character arrives escaped (\uXXXX\uXXXX, %F0%9F…).
BODY_LIMIT = 1024 * 1024  # bytes


class SettingsError(RuntimeError):
    """An environment variable is missing or has a value that cannot work."""


def load(environ: Mapping[str, str]) -> dict[str, Any]:
    """Turn environment variables into Flask's configuration, or say which one is missing."""

    def required(name: str, example: str) -> str:
        if value := environ.get(name, "").strip():
            return value
        raise SettingsError(
            f"The environment variable {name} is missing or empty: set it, for example to {example}"
        )

    def optional(name: str, default: str = "") -> str:
        return environ.get(name, "").strip() or default

    redis_url = required("REDIS_URL", "redis://redis:6379/0")

    return {
        "SECRET_KEY": required("SECRET_KEY", "a long random string"),
        "MAX_CONTENT_LENGTH": BODY_LIMIT,
        # The database
        "SQLALCHEMY_DATABASE_URI": required(
            "DATABASE_URL", "postgresql+psycopg://postgres:postgres@db:5432/stories"
        ),
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_pre_ping": True,  # a restarted database costs no request
            "pool_timeout": 3,
            "connect_args": {"connect_timeout": 3},
            "hide_parameters": True,  # what visitors write stays out of the logs
        },
        # Queue and live progress
        "REDIS_URL": redis_url,
        "CELERY": celery(redis_url),
        # The object store. Without an endpoint it is Amazon's.
        "S3_ENDPOINT_URL": optional("S3_ENDPOINT_URL") or None,
        # What a browser can reach, which inside of a container network is another address.
        "S3_PUBLIC_URL": optional("S3_PUBLIC_URL") or optional("S3_ENDPOINT_URL") or None,
        "S3_BUCKET": required("S3_BUCKET", "stories"),
        "S3_ACCESS_KEY_ID": required("S3_ACCESS_KEY_ID", "the key's name"),
        "S3_SECRET_ACCESS_KEY": required("S3_SECRET_ACCESS_KEY", "the key's secret"),
        "S3_REGION": optional("S3_REGION", "us-east-1"),
        # Where to send the mail about a story that is done. Empty: none is sent.
        "MAIL_URL": optional("MAIL_URL"),
        # Who speaks. Empty: the service whose key is set, otherwise espeak.
        "NARRATOR": optional("NARRATOR"),
        "ELEVENLABS_API_KEY": optional("ELEVENLABS_API_KEY"),
        "CARTESIA_API_KEY": optional("CARTESIA_API_KEY"),
    }


def celery(redis_url: str) -> dict[str, Any]:
    """Celery's settings: what a task may cost, and what happens when the broker goes away."""
    return {
        "broker_url": redis_url,
        "include": ["stories.tasks"],  # explicit: a task that is not listed does not exist
        "task_ignore_result": True,  # the result is the story's row, no result backend is needed
        # A worker that dies gives its task back. Therefore each task may be run twice.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": 1500,
        "task_time_limit": 1800,
        # Submitting must fail at once and not hang: the visitor can press the button again.
        "task_publish_retry": False,
        "broker_transport_options": {
            "visibility_timeout": 3600,  # longer than the longest task, or Redis hands it out twice
            "socket_connect_timeout": 2,
            "socket_timeout": 2.5,
            "max_retries": 0,  # of the first connection; workers have their own setting below
        },
        # A worker waits for its broker, however long that takes.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A broker that restarts does not end the narrations that are under way.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_prefetch_multiplier": 1,  # long tasks: take one, leave the others to other workers
        "worker_send_task_events": True,  # so that Flower sees the tasks
        "beat_schedule": {
            "tick": {
                "task": "stories.tick",
                "schedule": 10.0,
                # Without a worker the ticks do not pile up in the queue.
                "options": {"expires": 9.0},
            },
        },
    }
