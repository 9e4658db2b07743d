#!/usr/bin/env python3
"""Runs mirrors behind a password: of the Debian archive, of the Python index and of the npm registry.

The user is "reader", the password stands in MIRROR_PASSWORD. They hand on what the real ones have, whose
addresses are those that this image and its pip know, and add a package of their own to each:

    /debian/…  /debian-security/…     Debian
    /simple/…                         Python, also below /old/simple; starter-fixture 1.0 is made here
    /npm/…                            npm: starter-fixture 1.0.0, and nothing else

Port 8080 speaks HTTP, and is a proxy for it too. Where /tls has certificates, 8443 speaks HTTPS with
mirror.pem and 8444 with stranger.pem. Port 8999 takes connections and never answers. With MIRROR_ADDRESS, UDP
port 53 resolves mirrors.test to it, and no other name. Every request is a line of the log.
"""

import base64
import hashlib
import http.client
import io
import json
import os
import re
import socket
import ssl
import sys
import tarfile
import threading
import time
import urllib.parse
import urllib.request
import zipfile
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOGIN = "Basic " + base64.b64encode(f"reader:{os.environ['MIRROR_PASSWORD']}".encode()).decode()
WHEEL = "starter_fixture-1.0-py3-none-any.whl"
TARBALL = "starter-fixture-1.0.0.tgz"
# Bytes that no hash was made for, when a test asks for them.
TAMPERED = bool(os.environ.get("MIRROR_TAMPERED"))

Answer = tuple[str, bytes]


def make_wheel(*, tampered: bool = TAMPERED) -> bytes:
    """Makes the smallest wheel that installs, another one for each password, so that no cache knows it."""
    salt = hashlib.sha256(LOGIN.encode()).hexdigest()
    info = "starter_fixture-1.0.dist-info"
    files = {
        "starter_fixture.py": f"ORIGIN = 'the private index'  # {salt}{' !' * tampered}\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: starter-fixture\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


WHEEL_HASH = hashlib.sha256(make_wheel(tampered=False)).hexdigest()


def make_tarball() -> bytes:
    """Makes the smallest npm package, the same at every start."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tarball:
        files = {
            "package.json": json.dumps({"name": "starter-fixture", "version": "1.0.0"}),
            "index.js": "module.exports = 'the private registry'",
        }
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            tarball.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def find_archive() -> str:
    """Reads the address of the Debian archive from this image's lists."""
    lists = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(path.read_text() for path in lists if path.is_file())
    found = re.search(r"https?://\S+/debian(?=/?\s)", text)
    return found.group() if found else ""


def find_index() -> str:
    """Says which Python index pip uses here."""
    from pip._internal.models.index import PyPI

    return os.environ.get("PIP_INDEX_URL", PyPI.simple_url).rstrip("/")


ARCHIVE, INDEX = find_archive(), find_index()


def fetch(url: str, tries: int = 3) -> Answer:
    """Passes on what the real mirror has; a failure that may pass is tried again."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
            return answer.headers.get("Content-Type", "application/octet-stream"), answer.read()
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "code", None) == HTTPStatus.NOT_FOUND:
            raise FileNotFoundError(url) from error
        if tries == 1:
            raise
    time.sleep(1)
    return fetch(url, tries - 1)


def index_page(name: str) -> Answer:
    """Answers with a page of the index, whose links lead through here."""
    if name == "starter-fixture":
        return "text/html", f'<a href="/wheels/{WHEEL}#sha256={WHEEL_HASH}">{WHEEL}</a>'.encode()
    page = f"{INDEX}/{name}/"
    kind, body = fetch(page)

    def through_here(link: re.Match[str]) -> str:
        target = urllib.parse.urljoin(page, link.group(1))
        return f'href="/files/{target.replace("://", "/", 1)}"'

    # The metadata beside a wheel is not handed on.
    text = re.sub(r' data-(dist-info|core)-metadata="[^"]*"', "", body.decode())
    return kind, re.sub(r'href="([^"]+)"', through_here, text).encode()


def packument(origin: str) -> Answer:
    """Answers with what npm wants to know of a package."""
    hashed = base64.b64encode(hashlib.sha512(make_tarball()).digest()).decode()
    dist = {"tarball": f"{origin}/npm/starter-fixture/-/{TARBALL}", "integrity": f"sha512-{hashed}"}
    version = {"name": "starter-fixture", "version": "1.0.0", "dist": dist}
    known = {"name": "starter-fixture", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    return "application/json", json.dumps(known).encode()


def answer(path: str, origin: str) -> Answer:
    """Finds what a path stands for."""
    if found := re.fullmatch(r"(?:/old)?/simple/([^/]+)/", path):
        return index_page(found.group(1))
    if found := re.fullmatch(r"/files/(https?)/(.+)", path):
        return fetch(f"{found.group(1)}://{found.group(2)}")
    if found := re.fullmatch(r"/debian(-security)?/(.+)", path):
        return fetch(f"{ARCHIVE}{found.group(1) or ''}/{found.group(2)}")
    own = {
        f"/wheels/{WHEEL}": lambda: ("application/octet-stream", make_wheel()),
        "/npm/starter-fixture": lambda: packument(origin),
        f"/npm/starter-fixture/-/{TARBALL}": lambda: ("application/octet-stream", make_tarball()),
    }
    if path in own:
        return own[path]()
    raise FileNotFoundError(path)


class Mirror(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"

    def reply(self, status: int, kind: str = "text/plain", body: bytes = b"") -> None:
        """Sends an answer."""
        self.send_response(status)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="mirror"')
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        """Serves a page to a client with the password."""
        target = urllib.parse.urlsplit(self.path)
        if target.netloc and self.headers["Proxy-Authorization"] != LOGIN:
            return self.reply(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
        if not target.netloc and self.headers["Authorization"] != LOGIN:
            return self.reply(HTTPStatus.UNAUTHORIZED)
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        try:
            path = urllib.parse.unquote(target.path)
            kind, body = answer(path, f"{scheme}://{self.headers['Host']}")
        except FileNotFoundError:
            return self.reply(HTTPStatus.NOT_FOUND)
        except (OSError, http.client.HTTPException) as error:
            self.log_message("%s", error)
            return self.reply(HTTPStatus.BAD_GATEWAY)
        return self.reply(HTTPStatus.OK, kind, body)

    def do_HEAD(self) -> None:
        """Serves only the headers: uv looks at a file before it fetches it."""
        self.do_GET()

    def log_message(self, text: str, *values: object) -> None:
        """Writes a line."""
        sys.stdout.write(f"{text % values}\n")
        sys.stdout.flush()


def serve(port: int, certificate: Path | None = None) -> None:
    """Listens on a port, in the background."""
    server = ThreadingHTTPServer(("", port), Mirror)
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        # The handshake runs in the request's own thread, so a client that breaks it off blocks no other.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()


def resolve(address: str) -> None:
    """Answers every question about mirrors.test with the address, in the background."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", 53))
    ours, ipv4 = b"\7mirrors\4test\0", b"\0\1"

    def answer_all() -> None:
        while True:
            query, client = server.recvfrom(512)
            end = query.index(b"\0", 12) + 5
            name, kind = query[12 : end - 4].lower(), query[end - 4 : end - 2]
            # One record, which points at the name in the question; or none; or "no such name".
            known = name == ours
            record = b""
            if known and kind == ipv4:
                record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
            head = query[:2] + (b"\x85\x80" if known else b"\x85\x83")
            counts = b"\0\1" + (b"\0\1" if record else b"\0\0") + b"\0\0\0\0"
            server.sendto(head + counts + query[12:end] + record, client)

    threading.Thread(target=answer_all, daemon=True).start()


silence = socket.create_server(("", 8999))
if address := os.environ.get("MIRROR_ADDRESS"):
    resolve(address)
serve(8080)
for port, name in [(8443, "mirror"), (8444, "stranger")]:
    if (path := Path(f"/tls/{name}.pem")).exists():
        serve(port, path)
