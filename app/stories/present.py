"""What clients see of the database's rows."""

from typing import Any

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
    """Whether worker and beat live, by the signs of life that they left in the database."""
    return {name: _pulse(db.session.get(Pulse, name)) for name in ("worker", "beat")}


def _pulse(pulse: Pulse | None) -> dict[str, Any]:
    if pulse is None:
        return {"alive": False, "seconds_ago": None, "host": None}
    seconds = max(0, round((now() - pulse.seen_at).total_seconds()))
    return {"alive": seconds <= ALIVE_SECONDS, "seconds_ago": seconds, "host": pulse.host}
