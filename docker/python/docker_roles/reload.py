"""Runs a command, and starts it again whenever a source file is saved (development only).

``watchfiles`` has a command line of its own, but that stops the child with SIGINT, and then a Celery
worker waits for its tasks. We send SIGTERM, so every role stops as it does in production.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

from watchfiles import PythonFilter, watch

# After so many seconds a child that does not stop is killed. A worker needs less for its tasks.
STOP_SECONDS = float(os.environ.get("WORKER_STOP_TIMEOUT") or 20) + 10


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ends the child the way Docker does."""
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def main(command: list[str], folder: str = "/app") -> int:
    """Runs the command until it is told to stop. Returns the exit code.

    A command that fails at its first start ends the container, so that ``up`` can say so. After a
    save, it prints the failure and waits for the next save: somebody is fixing the mistake right now.
    """
    stopping = threading.Event()
    received: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        stopping.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)

    child = subprocess.Popen(command)
    also = tuple(filter(None, os.environ.get("RELOAD_ALSO", "").split(",")))
    reloads = 0
    told = False
    for changes in watch(
        folder,
        watch_filter=PythonFilter(extra_extensions=also),
        stop_event=stopping,
        yield_on_timeout=True,
        rust_timeout=1000,
    ):
        if changes:
            names = ", ".join(sorted({os.path.relpath(path, folder) for _, path in changes})[:3])
            print(f"reload: {names} changed", flush=True)
            stop(child)
            child = subprocess.Popen(command)
            reloads, told = reloads + 1, False
        elif child.poll() is not None and not told:
            if reloads == 0:
                return child.returncode
            print(f"reload: ended with exit code {child.returncode}; waiting for the next save", flush=True)
            told = True
    stop(child)
    return 128 + received[0] if received else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
