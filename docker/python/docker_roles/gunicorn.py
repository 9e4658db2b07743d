"""A worker of gunicorn that stops well, and logs the visitor's address: ``docker_roles.gunicorn.Worker``.

gunicorn 24 and newer keep the socket while a process that stops waits for its last requests. The kernel takes
connections until then, nothing accepts them, and in the end they break off. While a page has a stream open,
this lasts 20 seconds. A closed socket refuses connections, and the proxy tries again.
"""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


def log_visitors(log: Any, cfg: Any) -> None:
    """Makes a logger, of any class, log the visitor's address in place of a trusted proxy's."""
    atoms = log.atoms

    def with_visitor(resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        visitor = {"h": forwarded.partition(",")[0]} if forwarded and "*" in cfg.forwarded_allow_ips else {}
        return {**atoms(resp, req, environ, request_time), **visitor}

    log.atoms = with_visitor


class Worker(ThreadWorker):
    """Closes its sockets first, then waits for its requests."""

    def init_process(self) -> None:
        """Called in the new process, before it serves."""
        if hasattr(self.log, "atoms"):
            log_visitors(self.log, self.cfg)
        super().init_process()

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 gunicorn's own signature
        """Called with False when it stops. Older versions lack it, and close their sockets in time."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for bound in self.sockets:
                bound.close()
