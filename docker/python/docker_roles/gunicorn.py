"""A worker of gunicorn that stops well: ``gunicorn --worker-class docker_roles.gunicorn.Worker``.

gunicorn 24 and newer keep the socket while a process that stops waits for its last requests. The kernel takes
connections until then, nothing accepts them, and in the end they break off. While a page has a stream open,
this lasts 20 seconds. A closed socket refuses connections, and the proxy tries again.
"""

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    """Closes its sockets first, then waits for its requests."""

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 gunicorn's own signature
        """Called with False when it stops. Older versions lack it, and close their sockets in time."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for bound in self.sockets:
                bound.close()
