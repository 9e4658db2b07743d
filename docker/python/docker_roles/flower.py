"""Flower that stops on TERM: ``python -m docker_roles.flower`` instead of ``celery``.

Flower asks the workers from a pool of threads, and Python joins those threads before it exits. While the
broker is away, kombu retries in them for ever. TERM alone would not end the process, and Docker would kill
it. Flower's own shutdown, which saves its state, does not need these threads.
"""

import contextlib
import logging
import os
from typing import Any

from celery.__main__ import main


def end_without_threads(application: Any) -> None:
    """Makes the class's ``start`` exit the process once TERM or Ctrl-C has ended its loop."""
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
    # If Flower is not installed, Celery itself says that it has no such command.
    with contextlib.suppress(ModuleNotFoundError):
        from flower.app import Flower

        end_without_threads(Flower)
    main()
