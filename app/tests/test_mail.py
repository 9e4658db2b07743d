"""The mail that says that a story is done, and a mail server that is away."""

from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from stories import mail
from stories.models import Status
from tests.conftest import NOBODY
from tests.test_narration import read, run

pytestmark = pytest.mark.usefixtures("context")


class Server:
    """In place of smtplib.SMTP: keeps what would be sent."""

    asked: list[tuple[str, int]] = []
    sent: list[EmailMessage] = []

    def __init__(self, host: str, port: int, **_: Any) -> None:
        self.asked.append((host, port))

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None: ...

    def send_message(self, message: EmailMessage) -> None:
        self.sent.append(message)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[Server]:
    monkeypatch.setattr(Server, "asked", [])
    monkeypatch.setattr(Server, "sent", [])
    monkeypatch.setattr(mail.smtplib, "SMTP", Server)
    return Server


def submit(client: FlaskClient, title: str = "Race") -> str:
    return client.post("/api/stories", json={"title": title, "text": "Ready."}).json["id"]


def test_a_done_story_is_told_once(
    app: Flask, client: FlaskClient, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAIL_URL", "smtp://post:1025")
    story_id = submit(client, "The hare\nand the tortoise")
    run(story_id)
    run(story_id)
    assert server.asked == [("post", 1025)]
    assert [message["Subject"] for message in server.sent] == ["Done: The hare and the tortoise"]


def test_without_a_server_nothing_is_sent(client: FlaskClient, server: type[Server]) -> None:
    run(submit(client))
    assert server.asked == []


@pytest.mark.parametrize("url", [f"smtp://{NOBODY}", "smtp://no.such.host.invalid", "smtp://a:b"])
def test_a_mail_that_cannot_be_sent_fails_no_story(
    app: Flask,
    client: FlaskClient,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(app.config, "MAIL_URL", url)
    story_id = submit(client)
    run(story_id)
    assert read(story_id).status == Status.DONE
    assert "its mail could not be sent" in caplog.text
