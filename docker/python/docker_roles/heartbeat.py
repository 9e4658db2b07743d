"""The file whose age tells healthcheck.sh whether worker or beat is still alive."""

import os
from pathlib import Path

_FILE = Path(os.environ.get("HEARTBEAT_FILE", "/tmp/heartbeat"))


def write() -> None:
    """Says "alive now": the file's modification time is the message."""
    _FILE.touch()


def follows() -> None:
    """Says that heartbeats follow: if they end, the role is frozen."""
    _FILE.write_text("")


def pauses() -> None:
    """Says that none follows for a while, because the role stops or waits for its broker."""
    _FILE.write_text("pauses")


def remove() -> None:
    """Removes the file, so that a container that is stopping does not count as healthy."""
    _FILE.unlink(missing_ok=True)
