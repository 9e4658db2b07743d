"""What clients see of the database's rows."""

from typing import Any

from dashboard.models import Batch, Day, Rejection, Sensor


def batch(row: Batch) -> dict[str, Any]:
    """How far it is."""
    return {
        "id": str(row.id),
        "file_name": row.file_name,
        "status": row.status,
        "rows": row.rows,
        "rows_done": row.rows_done,
        "rows_rejected": row.rows_rejected,
        "error": row.error,
        "attempt": row.attempt,
        "created_at": row.created_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
    }


def rejection(row: Rejection) -> dict[str, Any]:
    """Which line, and why."""
    return {"line": row.line, "reason": row.reason, "text": row.text}


def sensor(row: Sensor) -> dict[str, Any]:
    """Decimals are text: a browser would make floats of them."""
    return {
        "code": row.code,
        "site": row.site.path(),
        "unit": row.unit_sign,
        "active": row.active,
        "range": [str(row.lowest), str(row.highest)],
        "installed_on": row.installed_on.isoformat(),
        "details": row.details,
    }


def day(row: Day) -> dict[str, Any]:
    """What was measured."""
    return {
        "day": row.day.isoformat(),
        "readings": row.readings,
        "lowest": str(row.lowest),
        "highest": str(row.highest),
        "mean": row.mean,
    }
