"""Live progress, in a real server whose streams are real connections."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from dashboard import batches, events, sample
from tests.conftest import ROOT, free_port, until

THREADS = 12


@pytest.fixture
def server(app: Flask, environ: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Gunicorn as the stack runs it, with one process; and its port."""
    assert app
    port = free_port()
    options = [
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "1",
        "--worker-class",
        "gthread",
        "--threads",
        str(THREADS),
    ]
    command = [sys.executable, "-m", "gunicorn", "dashboard.wsgi:app", *options, "--graceful-timeout", "20"]
    with subprocess.Popen(command, env=os.environ | environ, cwd=ROOT) as process:
        try:
            until(lambda: answers(port))
            yield process, port
        finally:
            process.kill()


def answers(port: int) -> bool:
    """Whether there is a server."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


class Browser:
    """A connection that reads events."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        stack.callback(connection.close)
        connection.request("GET", "/api/events")
        self.response: HTTPResponse = connection.getresponse()

    def events(self) -> Iterator[tuple[str, Any]]:
        """The name of each event and its data."""
        name = ""
        for line in self.response:
            key, _, value = line.decode().strip().partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                yield name, json.loads(value)

    def states(self) -> Iterator[dict[str, Any]]:
        """What it sees of batches, one by one."""
        for name, data in self.events():
            yield from [data] if name == "batch" else data


@pytest.mark.usefixtures("worker")
def test_every_browser_sees_a_batch_to_its_end(client: FlaskClient, server: tuple[Any, int]) -> None:
    """Each the last state of it, in order; and who comes later begins with what there is."""
    _, port = server
    with ExitStack() as stack:
        browsers = [Browser(port, stack) for _ in range(3)]
        assert [next(browser.events()) for browser in browsers] == [("batches", [])] * 3
        text = "sensor,time,value\n" + "\n".join(",".join(row) for row in sample.make(3000))
        client.post("/api/batches", data={"file": (io.BytesIO(text.encode()), "a.csv")})
        until(lambda: client.get("/api/batches").get_json()[0]["status"] == "done")
        last = client.get("/api/batches").get_json()[0]
        for browser in browsers:
            seen = []
            for state in browser.states():
                seen.append(state["rows_done"])
                if state == last:
                    break
            assert seen == sorted(seen)
            assert len(set(seen)) > 3
        assert next(Browser(port, stack).events()) == ("batches", [last])


def test_streams_never_take_the_last_thread(server: tuple[Any, int]) -> None:
    """Who comes too late is told so at once, and the API goes on answering."""
    _, port = server
    with ExitStack() as stack:
        browsers = [Browser(port, stack) for _ in range(THREADS)]
        statuses = [browser.response.status for browser in browsers]
        assert statuses == [200] * 4 + [503] * 8
        assert answers(port)

    # A place is free again as soon as it is noticed that its browser has gone.
    def another() -> bool:
        with ExitStack() as stack:
            return Browser(port, stack).response.status == 200

    until(another, 2 * events.KEEP_ALIVE_SECONDS + 5)


def test_a_server_that_is_told_to_stop_does_not_wait_for_browsers(server: tuple[Any, int]) -> None:
    """They come back by themselves; without it this takes the 20 seconds of --graceful-timeout."""
    process, port = server
    with ExitStack() as stack:
        browser = Browser(port, stack)
        assert next(browser.events()) == ("batches", [])
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert not any(browser.states())
        assert process.wait(15) == 0
        assert time.monotonic() - begin < 10


def test_what_was_missed_without_redis_is_made_up_for(
    app: Flask, server: tuple[Any, int], environ: dict[str, str]
) -> None:
    """The listener comes back, and reads what there is."""
    _, port = server
    with ExitStack() as stack:
        browser = Browser(port, stack)
        assert next(browser.events()) == ("batches", [])
        with app.app_context():
            batch = batches.add("missed.csv")
        with Redis.from_url(environ["REDIS_URL"]) as redis:
            redis.client_kill_filter(_type="pubsub")
        assert next(browser.states())["id"] == str(batch.id)


def test_a_slow_browser_gets_the_newest_state_and_costs_no_memory() -> None:
    """Of a thousand changes that it did not read."""
    viewer = events.Viewer()
    stream = viewer.events(list)
    assert next(stream).startswith("retry:")
    assert next(stream) == "event: batches\ndata: []\n\n"
    for number in range(1000):
        viewer.put({"id": "a", "rows_done": number})
    assert next(stream) == 'event: batch\ndata: {"id": "a", "rows_done": 999}\n\n'
    viewer.close()
    assert list(stream) == []
