"""Who answers, and what when the provider does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from agent.answering import ProviderError, chosen
from agent.reading.briefing import Passage
from agent.settings import Provider

PASSAGES = [Passage("a.txt", 3, "The lamp burned paraffin.", 0.5), Passage("b.txt", 1, "It rained.", 0.01)]


class FakeProvider(ThreadingHTTPServer):
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.body = 200, b""
        self.asked: list[tuple[str, str | None, dict[str, object]]] = []


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: FakeProvider

    def do_POST(self) -> None:
        """Answers what it was told to."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Is silent."""


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    server = FakeProvider()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def settings_for(server: FakeProvider) -> Provider:
    url = f"http://127.0.0.1:{server.server_port}/v1/"
    return Provider(url=url, api_key=SecretStr("key-of-tests"), model="some-model")


def test_without_a_key_the_documents_answer_in_their_own_words() -> None:
    answerer = chosen(Provider())
    assert answerer.name == "local"
    assert answerer.answer("What burned?", PASSAGES) == "The lamp burned paraffin. [a.txt, 3]"
    assert (
        answerer.answer("What sank?", PASSAGES[1:]) == "The documents do not say anything about: What sank?"
    )


def test_with_a_key_the_provider_is_asked_with_the_passages(provider: FakeProvider) -> None:
    provider.body = json.dumps({"choices": [{"message": {"content": " Paraffin [1]. "}}]}).encode()
    answerer = chosen(settings_for(provider))
    assert answerer.answer("What burned?", PASSAGES) == "Paraffin [1]."
    [(path, authorization, body)] = provider.asked
    assert (path, authorization, body["model"]) == (
        "/v1/chat/completions",
        "Bearer key-of-tests",
        "some-model",
    )
    assert "[1] The lamp burned paraffin." in json.dumps(body)


@pytest.mark.parametrize(
    ("status", "body", "again"),
    [(429, b"", True), (503, b"", True), (401, b"", False), (200, b"{}", False), (200, b"no", False)],
)
def test_what_may_go_better_later_is_told_from_what_cannot(
    provider: FakeProvider, status: int, body: bytes, *, again: bool
) -> None:
    provider.status, provider.body = status, body
    with pytest.raises(ProviderError) as caught:
        chosen(settings_for(provider)).answer("What burned?", PASSAGES)
    assert caught.value.again is again
    assert "key-of-tests" not in str(caught.value)
