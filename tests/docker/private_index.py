#!/usr/bin/env python3
"""Runs a package index behind a password, with one package in it: private_index.py NAME PASSWORD.

It serves starter-fixture 1.0, made here, to who knows name and password, and nothing else.
"""

import base64
import io
import sys
import zipfile
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHEEL = "starter_fixture-1.0-py3-none-any.whl"


def make_wheel() -> bytes:
    """Makes the smallest wheel that installs."""
    info = "starter_fixture-1.0.dist-info"
    files = {
        "starter_fixture.py": "ORIGIN = 'the private index'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: starter-fixture\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return buffer.getvalue()


PAGES = {
    "/simple/starter-fixture/": ("text/html", f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()),
    f"/{WHEEL}": ("application/octet-stream", make_wheel()),
}
NOTHING = ("text/plain", b"")
EXPECTED = "Basic " + base64.b64encode(":".join(sys.argv[1:3]).encode()).decode()


class Index(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_GET(self) -> None:
        """Serves a page to who is allowed."""
        kind, body = PAGES.get(self.path, NOTHING)
        status = HTTPStatus.OK if body else HTTPStatus.NOT_FOUND
        if self.headers["Authorization"] != EXPECTED:
            status, body = HTTPStatus.UNAUTHORIZED, b""
        self.send_response(status)
        self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Serves the headers alone: uv looks at a file before it fetches it."""
        self.do_GET()


ThreadingHTTPServer(("", 8080), Index).serve_forever()
