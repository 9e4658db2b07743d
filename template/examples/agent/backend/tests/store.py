"""An object store over https for the tests: a bucket in memory, with a certificate of a CA of its own."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


class Store(ThreadingHTTPServer):
    """Knows PUT and GET of an object, and nothing of signatures."""

    def __init__(self, authority: trustme.CA, host: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        # The handshake happens in the thread of the request, so that a refused one stops nobody.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate is what some tests want."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Store
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"") -> None:
        """One answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        """Keeps an object."""
        self.server.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def do_GET(self) -> None:
        """Gives it away."""
        if self.path in self.server.objects:
            self.answer(200, self.server.objects[self.path])
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>It is not there.</Message></Error>")

    def log_message(self, *_: object) -> None:
        """Is silent."""


@contextmanager
def running(host: str, folder: Path) -> Iterator[tuple[Store, Path]]:
    """A store whose certificate is for this host, and the file of its CA."""
    authority = trustme.CA()
    file = folder / "store-ca.pem"
    authority.cert_pem.write_to_path(str(file))
    store = Store(authority, host)
    thread = threading.Thread(target=store.serve_forever, daemon=True)
    thread.start()
    yield store, file
    store.shutdown()
    store.server_close()
    thread.join()
