"""What a server loads: the application, whose streams end when the server is told to stop.

A browser that is looking would hold its server back for as long as the server has patience, at every
deploy and at every save in development. It comes back by itself, and finds the next process.
"""

import signal
import threading
from types import FrameType

from dashboard import create_app

app = create_app()
_before = signal.getsignal(signal.SIGTERM)


def _stop(number: int, frame: FrameType | None) -> None:
    # In a thread of its own: this one may be holding the lock that is needed.
    threading.Thread(target=app.extensions["hub"].close).start()
    if callable(_before):
        _before(number, frame)


# Only a server has a handler by now; without one, the default ends the process at once.
if callable(_before) and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, _stop)
