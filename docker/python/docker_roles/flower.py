"""Flower that ends when it is told to: ``python -m docker_roles.flower`` in place of ``celery``.

Flower asks the workers in a pool of threads, which Python joins before it ends. While the broker is
away, kombu tries in them for ever: TERM alone would not end the process, and Docker would kill it.
Flower's own end, which stores what it keeps, needs none of these threads.
"""

import contextlib
import logging
import os
from typing import Any

from celery.__main__ import main


def end_without_threads(application: Any) -> None:
    """Lets the class's ``start`` end the process when TERM or Ctrl-C has ended its loop."""
    start = application.start

    def start_then_end(self: Any) -> None:
        try:
            start(self)
        except (KeyboardInterrupt, SystemExit):
            self.stop()
            logging.shutdown()
            os._exit(0)

    application.start = start_then_end


if __name__ == "__main__":
    # Where it is not installed Celery says that it has no such command.
    with contextlib.suppress(ModuleNotFoundError):
        from flower.app import Flower

        end_without_threads(Flower)
    main()
