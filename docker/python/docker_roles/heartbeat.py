"""The file whose age and text tell healthcheck.sh whether worker or beat is still alive."""

import os
from pathlib import Path

# More heartbeats follow. If none does, the role is frozen.
FOLLOWS = ""
# No heartbeat follows for a while: the role stops, waits for its broker, or has tasks in hand and takes no
# others. The role is then unhealthy, but is not ended.
PAUSES = "pauses"
# The worker has nothing in hand and takes no task, although some wait. It is unhealthy at once, and is ended.
STALLS = "stalls"

_FILE = Path(os.environ.get("HEARTBEAT_FILE", "/tmp/heartbeat"))


def write() -> None:
    """Says "alive now": the file's modification time is the message."""
    _FILE.touch()


def say(state: str) -> None:
    """Says which heartbeats follow: one of the states above."""
    _FILE.write_text(state)


def remove() -> None:
    """Removes the file, so that a container that is stopping does not count as healthy."""
    _FILE.unlink(missing_ok=True)
