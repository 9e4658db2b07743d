"""Settings, read once from the environment. Nothing else in the application looks there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MEGABYTE = 1024 * 1024
UPLOAD_LIMIT = 20 * MEGABYTE
# Threads of each server process that no stream of events may take: they are the API's.
SPARE_THREADS = 8


class SettingsError(RuntimeError):
    """An environment variable has a value that cannot work."""


def load(environ: Mapping[str, str]) -> dict[str, Any]:
    """Turns environment variables into Flask's configuration, or says which one is wrong."""

    def optional(name: str, default: object) -> str:
        return environ.get(name, "").strip() or str(default)

    def threads() -> int:
        text = optional("WEB_THREADS", 64)
        if not text.isdecimal() or int(text) <= SPARE_THREADS:
            raise SettingsError(f"WEB_THREADS has to be a number above {SPARE_THREADS}; it is {text!r}.")
        return int(text)

    data = ROOT / "data"
    # A volume at /data is what the containers share; without one, a folder beside the code will do.
    volume = Path("/data") if Path("/data").is_dir() else data
    database = optional("DATABASE_URL", f"sqlite:///{data}/dashboard.db")
    redis = optional("REDIS_URL", "redis://127.0.0.1:6379/0")
    return {
        "MAX_CONTENT_LENGTH": UPLOAD_LIMIT,
        "SQLALCHEMY_DATABASE_URI": database,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(database),
        "REDIS_URL": redis,
        "CELERY": celery(redis),
        "UPLOAD_FOLDER": Path(optional("UPLOAD_FOLDER", volume / "uploads")),
        # Where "npm run build" has put the page. An image that holds one says where.
        "FRONTEND_ROOT": Path(optional("FRONTEND_ROOT", ROOT / "frontend" / "dist")),
        "STREAM_LIMIT": threads() - SPARE_THREADS,
    }


def engine_options(database: str) -> dict[str, Any]:
    """A service may restart, and MariaDB has to be told to work as PostgreSQL does by default."""
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_timeout": 10}
    match database.partition(":")[0].partition("+")[0]:
        case "sqlite":
            return {}
        case "mysql" | "mariadb":
            # Its idle connections end after eight hours; REPEATABLE READ locks gaps between rows.
            return options | {"pool_recycle": 3600, "isolation_level": "READ COMMITTED"}
    return options


def celery(redis: str) -> dict[str, Any]:
    """Celery's settings: what a task may cost, and what happens when the broker goes away."""
    return {
        "broker_url": redis,
        "include": ["dashboard.tasks"],
        "task_ignore_result": True,  # the result is the batch's row
        # A worker that dies gives its task back. The next one goes on where the database says.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": 1500,
        "task_time_limit": 1560,
        # The upload is refused at once when the queue is away; the visitor can press the button again.
        "task_publish_retry": False,
        "broker_transport_options": {
            "visibility_timeout": 1800,  # longer than any task, or Redis hands it out twice
            "socket_connect_timeout": 2,
            "socket_timeout": 2.5,
            "max_retries": 0,  # of the first connection; workers have their own settings below
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A broker that restarts does not end the work under way.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_prefetch_multiplier": 1,  # long tasks: take one, leave the others to other workers
    }
