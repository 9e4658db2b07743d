"""The whole way: upload, queue, worker, episode."""

import io
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import children, until

pytestmark = pytest.mark.usefixtures("worker")


def upload(client: FlaskClient, content: bytes) -> str:
    """The id of the episode."""
    answer = client.post("/api/episodes", data={"file": (io.BytesIO(content), "talk.wav")})
    assert answer.status_code == 202
    return answer.get_json()["id"]


def episode(client: FlaskClient, episode_id: str) -> dict[str, Any]:
    """What the API says of it."""
    return client.get(f"/api/episodes/{episode_id}").get_json()


def test_bad_recordings_fail_and_the_worker_lives_on(client: FlaskClient, talk: Path) -> None:
    """A good one between and after them becomes an episode."""
    good = talk.read_bytes()
    contents = {
        b"": "empty",
        b"a letter": "not a WAV",
        good[:9000]: "truncated",
        good[:44]: "before its sound",
    }
    bad = {upload(client, content): sentence for content, sentence in contents.items()}
    last = upload(client, good)
    until(lambda: episode(client, last)["status"] == "done")
    for episode_id, sentence in bad.items():
        assert episode(client, episode_id)["status"] == "failed"
        assert sentence in episode(client, episode_id)["error"]
    for name, path in episode(client, last)["files"].items():
        answer = client.get(path)
        assert answer.status_code == 200, name
        assert len(answer.data) > 100


def test_a_killed_task_is_done_again(
    client: FlaskClient, talk: Path, worker: subprocess.Popen[bytes]
) -> None:
    """By another process of the same worker, at once; and its ffmpeg does not go on by itself."""
    episode_id = upload(client, talk.read_bytes())
    until(lambda: any(step["percent"] in range(1, 100) for step in episode(client, episode_id)["steps"]))
    (pool_process,) = children(worker.pid)
    programs = children(pool_process)
    os.kill(pool_process, signal.SIGKILL)
    until(lambda: episode(client, episode_id)["status"] == "done")
    assert episode(client, episode_id)["attempt"] == 2
    assert not [pid for pid in programs if Path(f"/proc/{pid}").exists()]
