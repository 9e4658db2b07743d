"""Runs a command, and starts it again whenever a source file is saved (development only).

``watchfiles`` has a command line of its own, but that stops the child with SIGINT, and then a Celery
worker waits for its tasks. We send SIGTERM, so worker and beat stop as they do in production. Web is killed
at once (RELOAD_PATIENCE).
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

from watchfiles import PythonFilter, watch

# A child that does not stop is killed after this many seconds. A worker with the pool prefork needs less.
STOP_SECONDS = float(os.environ.get("WORKER_STOP_TIMEOUT") or 20) + 10
# At a save, this many. The container itself always stops as it does in production.
PATIENCE = float(os.environ.get("RELOAD_PATIENCE") or STOP_SECONDS)


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Starts the command as the leader of a process group."""
    return subprocess.Popen(command, start_new_session=True)


def stop(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Stops the child as Docker does, then kills what is left of it: an old server would keep the port."""
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def main(command: list[str], folder: str = "/app") -> int:
    """Runs the command until it is told to stop. Returns the exit code.

    A command that fails at its first start ends the container, so that ``up`` can say so. After a
    save, this prints the failure and waits for the next save: the developer is still editing.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())

    child = start(command)
    also = tuple(filter(None, os.environ.get("RELOAD_ALSO", "").split(",")))
    reloads, told = 0, False
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
            stop(child, PATIENCE)
            child = start(command)
            reloads, told = reloads + 1, False
        elif child.poll() is not None and not told:
            if reloads == 0:
                break
            print(f"reload: ended with exit code {child.returncode}; waiting for the next save", flush=True)
            told = True
    stop(child, STOP_SECONDS)
    # The code that a shell reports when a signal has ended the command.
    return 128 - child.returncode if child.returncode < 0 else child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
