"""What clients see of the database's rows."""

from typing import Any

from flask import current_app
from redis.exceptions import RedisError

from stories.models import Pulse, Status, Story, db, now
from stories.storage import current_storage

ALIVE_SECONDS = 30  # three ticks


def story(row: Story) -> dict[str, Any]:
    """A story as JSON. The text is left out: it may be long, and it does not change."""
    done = row.status == Status.DONE
    return {
        "id": str(row.id),
        "title": row.title,
        "status": row.status,
        "progress": row.progress,
        "audio_url": current_storage().link(row.audio_key) if done else None,
        "error": row.error,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


def status() -> dict[str, Any]:
    """Whether queue, worker and beat live: "alive" is None where it cannot be told.

    Worker and beat leave signs of life in the database. The worker's stop when it has lost the
    queue; beat's travel through queue and worker.
    """
    queue = _queue()
    worker = _pulse("worker", "running", None if queue["alive"] else "unknown without the queue")
    beat = _pulse("beat", "ticking", None if worker["alive"] else "unknown without a worker")
    return {"queue": queue, "worker": worker, "beat": beat}


def _queue() -> dict[str, Any]:
    try:
        current_app.extensions["redis"].ping()
    except RedisError:
        return {"alive": False, "says": "Redis cannot be reached"}
    return {"alive": True, "says": "reachable"}


def _pulse(name: str, doing: str, untold: str | None) -> dict[str, Any]:
    """One sign of life; `untold` is why a stale one means nothing."""
    pulse = db.session.get(Pulse, name)
    seconds = max(0, round((now() - pulse.seen_at).total_seconds())) if pulse else None
    alive: bool | None = seconds is not None and seconds <= ALIVE_SECONDS
    says = doing if alive else f"not {doing}"
    if not alive and (untold or pulse is None):
        alive, says = None, untold or "not seen yet"
    return {
        "alive": alive,
        "says": says,
        "seconds_ago": seconds,
        "host": pulse.host if pulse else None,
    }
