"""A worker of gunicorn that stops well, and a log that has the visitor's address: ``Worker`` and ``Logger``.

gunicorn 24 and newer keep the socket while a process that stops waits for its last requests. The kernel takes
connections until then, nothing accepts them, and in the end they break off. While a page has a stream open,
this lasts 20 seconds. A closed socket refuses connections, and the proxy tries again.
"""

from typing import Any

from gunicorn.glogging import Logger as BaseLogger
from gunicorn.workers.gthread import ThreadWorker


class Logger(BaseLogger):
    """Logs the address of the visitor in place of the proxy's, if the proxy is trusted."""

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        """Returns what a line of the access log is made of. uvicorn does the same with this header."""
        atoms: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        if forwarded and "*" in self.cfg.forwarded_allow_ips:
            atoms["h"] = forwarded.partition(",")[0]
        return atoms


class Worker(ThreadWorker):
    """Closes its sockets first, then waits for its requests."""

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 gunicorn's own signature
        """Called with False when it stops. Older versions lack it, and close their sockets in time."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for bound in self.sockets:
                bound.close()
