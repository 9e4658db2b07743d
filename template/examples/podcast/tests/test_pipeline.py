"""Real recordings through the real programs."""

import json
import re
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import soundfile
from PIL import Image

from core import config, ffmpeg, pipeline
from core.config import Settings
from core.store import Attempt, Store
from tests import recording
from tests.conftest import SOURCE, children, until


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Folders and a database for one test."""
    settings = config.load({"DATABASE_URL": f"sqlite:///{tmp_path}/podcast.db"})
    Store(settings.database).migrate()
    settings.uploads.mkdir()
    settings.outputs.mkdir()
    return settings


def queue(settings: Settings, sound: Path) -> str:
    """An upload, as the web process leaves it."""
    episode_id = str(uuid.uuid4())
    shutil.copy(sound, settings.uploads / f"{episode_id}.wav")
    Store(settings.database).add(episode_id, sound.name, sound.stat().st_size, tuple(pipeline.STEPS))
    return episode_id


def process(settings: Settings, sound: Path) -> dict[str, Any]:
    """The episode that becomes of it."""
    store, episode_id = Store(settings.database), queue(settings, sound)
    pipeline.process(store, settings, episode_id)
    return store.find(episode_id) or {}


def ebur128(file: Path) -> float:
    """The loudness, measured by another filter than the one that made it."""
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", file, "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return float(re.findall(r"I: +(-[\d.]+) LUFS", said)[-1])


def test_a_minute_of_talk_becomes_an_episode(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As loud as it should be, without its pauses, with a picture and a report; and every step was seen."""
    seen: dict[str, list[int]] = {}
    step = Attempt.step

    def spy(self: Attempt, name: str, status: str, percent: int = 0, seconds: float = 0) -> None:
        seen.setdefault(name, []).append(percent)
        step(self, name, status, percent, seconds)

    monkeypatch.setattr(Attempt, "step", spy)
    monkeypatch.setattr(pipeline, "SAY_INTERVAL", 0.2)
    talk = recording.make(tmp_path / "a talk.wav", 65)
    assert ebur128(talk) < -28

    episode = process(settings, talk)

    assert (episode["status"], episode["error"]) == ("done", None)
    assert [(step["name"], step["status"], step["percent"]) for step in episode["steps"]] == [
        (name, "done", 100) for name in pipeline.STEPS
    ]
    assert seen["normalise"] == sorted(seen["normalise"])
    assert len([percent for percent in seen["normalise"] if 0 < percent < 100]) >= 3
    files = settings.outputs / episode["id"]
    assert sorted(file.name for file in files.iterdir()) == sorted(pipeline.FILES)
    assert ebur128(files / "episode.mp3") == pytest.approx(-16, abs=0.5)
    report = json.loads((files / "report.json").read_text())
    assert report == episode["report"]
    assert report["loudness"]["gain"] == "linear"
    assert report["loudness"]["after"] == pytest.approx(-16, abs=0.5)
    assert report["loudness"]["true_peak"] <= -1
    assert report["recording"]["seconds"] == pytest.approx(65, abs=0.1)
    assert report["cut_seconds"] > 8
    assert soundfile.info(files / "episode.mp3").duration == pytest.approx(report["seconds"], abs=0.2)
    with Image.open(files / "waveform.png") as picture:
        assert picture.size == (1200, 160)
        assert len(picture.getcolors() or []) == 2


def test_the_target_is_a_setting(settings: Settings, talk: Path) -> None:
    """Broadcasters want another one than podcasters."""
    quieter = config.Settings(settings.database, settings.redis_url, settings.upload_limit, loudness=-23)
    episode = process(quieter, talk)
    assert ebur128(settings.outputs / episode["id"] / "episode.mp3") == pytest.approx(-23, abs=0.5)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("anullsrc=r=44100:d=5", "is silent"), ("sine=d=0.3", "is only 0.3 seconds long")],
)
def test_what_cannot_become_an_episode_fails_with_a_sentence(
    settings: Settings, tmp_path: Path, source: str, sentence: str
) -> None:
    """What is wrong with a file is in test_wav; here it is what is wrong with its sound."""
    recording.ffmpeg("-f", "lavfi", "-i", source, tmp_path / "bad.wav")
    episode = process(settings, tmp_path / "bad.wav")
    assert episode["status"] == "failed"
    assert sentence in episode["error"]
    assert list(settings.outputs.iterdir()) == []


def test_sound_that_cannot_be_decoded_fails_with_a_sentence(settings: Settings, talk: Path) -> None:
    """A whole WAV file, of a kind that nobody knows."""
    content = bytearray(talk.read_bytes())
    content[20:22] = b"\x99\x99"
    (settings.uploads / "odd.wav").write_bytes(content)
    episode = process(settings, settings.uploads / "odd.wav")
    assert episode["status"] == "failed"
    assert "cannot be decoded" in episode["error"]


def test_what_goes_wrong_inside_is_stored_and_logged(
    settings: Settings, talk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A sentence for the visitor, the program's words for whoever looks after it."""
    monkeypatch.setattr(pipeline, "CUT_SILENCE", "no_such_filter")
    episode = process(settings, talk)
    assert "could not be processed" in episode["error"]
    assert "no_such_filter" in episode["detail"]
    assert episode["id"] in caplog.text
    assert [step["status"] for step in episode["steps"]][:3] == ["done", "failed", "waiting"]


def test_a_second_delivery_changes_nothing(settings: Settings, talk: Path) -> None:
    """The queue may hand a task out twice."""
    episode = process(settings, talk)
    file = settings.outputs / episode["id"] / "episode.mp3"
    before = file.stat()
    pipeline.process(Store(settings.database), settings, episode["id"])
    assert file.stat() == before
    assert (Store(settings.database).find(episode["id"]) or {}) == episode


def test_an_attempt_that_died_leaves_nothing_behind(settings: Settings, talk: Path) -> None:
    """The next one clears up, and works as if it were the first."""
    episode_id, store = queue(settings, talk), Store(settings.database)
    assert store.claim(episode_id)
    (settings.outputs / f"{episode_id}.1").mkdir()
    (settings.outputs / episode_id).mkdir()
    (settings.outputs / episode_id / "half.mp3").touch()
    pipeline.process(store, settings, episode_id)
    assert [folder.name for folder in settings.outputs.iterdir()] == [episode_id]
    assert sorted(file.name for file in (settings.outputs / episode_id).iterdir()) == sorted(pipeline.FILES)


def test_ffmpeg_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it waits for."""
    monkeypatch.setattr(ffmpeg, "LIMIT_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(ffmpeg.FfmpegError, match="not done after"):
        ffmpeg.run("-re", "-f", "lavfi", "-i", "sine=d=60", "-f", "null", "-")
    assert time.monotonic() - started < 30


@pytest.mark.skipif(not ffmpeg.DIE_WITH_PARENT, reason="only Linux can do this")
def test_ffmpeg_does_not_outlive_a_killed_worker() -> None:
    """Nobody would be there to read what it writes."""
    code = "from core import ffmpeg; ffmpeg.run('-re', '-f', 'lavfi', '-i', 'sine=d=600', '-f', 'null', '-')"
    with subprocess.Popen([sys.executable, "-c", code], cwd=SOURCE) as parent:
        until(lambda: children(parent.pid))
        (child,) = children(parent.pid)
        until(lambda: "ffmpeg" in Path(f"/proc/{child}/comm").read_text())
        parent.kill()
    until(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/status").read_text())
