"""uvicorn that is fast, and stops well, with several processes: ``python -m docker_roles.uvicorn``.

If uvicorn has several processes, the parent binds one socket for all of them. Three things go wrong there:

- Each answer waits 40 ms between its head and its body, unless uvloop is installed. asyncio prevents that
  only for a socket that names its protocol, and this one does not.
- At TERM the parent keeps the socket until the last process has ended. The kernel takes connections until
  then, nothing accepts them, and they break off. A closed socket refuses them, and the proxy tries again.
- While a process stops, it may still accept a connection. That one stays open, the process waits for its end,
  and the proxy sends one request after the other through it. All other visitors wait.
"""

import socket
from functools import wraps
from typing import Any

from uvicorn import Config, Server, main
from uvicorn.supervisors import Multiprocess


def send_at_once(config: Any) -> None:
    """Makes the class's ``bind_socket`` return a socket whose connections do not collect what they send."""
    bind = config.bind_socket

    @wraps(bind)
    def bind_and_set(self: Any) -> socket.socket:
        bound: socket.socket = bind(self)
        if bound.family != socket.AF_UNIX:
            # Each connection inherits this from the socket that accepts it.
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return bound

    config.bind_socket = bind_and_set


def close_before_stop(supervisor: Any) -> None:
    """Makes the class close its sockets before it stops its processes."""
    # uvicorn before 0.30 has the second name.
    name = "terminate_all" if hasattr(supervisor, "terminate_all") else "shutdown"
    stop = getattr(supervisor, name)

    @wraps(stop)
    def close_and_stop(self: Any) -> None:
        for bound in self.sockets:
            bound.close()
        if name == "shutdown":
            # It tells each process to stop only when the one before has ended.
            for process in self.processes:
                process.terminate()
        stop(self)

    setattr(supervisor, name, close_and_stop)


def end_connections(server: Any) -> None:
    """Makes the class end each connection with its next answer once it stops."""
    shutdown = server.shutdown

    @wraps(shutdown)
    async def say_and_shut_down(self: Any, *args: Any, **options: Any) -> None:
        headers = self.server_state.default_headers = [
            *self.server_state.default_headers,
            (b"connection", b"close"),
        ]
        for connection in self.server_state.connections:
            # A request that has begun keeps the headers of that time. A web socket has no cycle.
            if cycle := getattr(connection, "cycle", None):
                cycle.default_headers = headers
        await shutdown(self, *args, **options)

    server.shutdown = say_and_shut_down


# Each process imports this module, but only the parent runs it.
send_at_once(Config)
close_before_stop(Multiprocess)
end_connections(Server)

if __name__ == "__main__":
    main(prog_name="uvicorn")
