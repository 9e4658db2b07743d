"""The work itself: from an upload to a folder with an MP3, its picture and its report.

Every attempt begins anew in a folder of its own, which gets its final name when all is done. So a
second delivery of the task does no harm, and nobody ever downloads half an episode.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from core import ffmpeg, wav, waveform
from core.config import Settings
from core.store import Attempt, Store, SupersededError
from core.wav import BadRecordingError

log = logging.getLogger(__name__)

MIN_SECONDS = 1.0  # loudness is measured over blocks of 0.4 seconds
SILENT_LUFS = -60.0
TRUE_PEAK = -1.5  # dBTP, what podcast directories ask for and a little less
# What a limiter takes off the peaks makes speech quieter. This much room is left to turn it up again.
HEADROOM = 3.0
# Four times the usual sample rate shows the peaks between the samples.
OVERSAMPLE = "aresample=192000"
# A pause of more than a second becomes one of 0.4; before the first word and behind the last all goes.
CUT_SILENCE = (
    "silenceremove=start_periods=1:start_threshold=-45dB:"
    "stop_periods=-1:stop_duration=1:stop_threshold=-45dB:stop_silence=0.4"
)
SAY_INTERVAL = 0.5  # seconds between two writes of a step's progress

EPISODE, WAVEFORM, REPORT = FILES = ("episode.mp3", "waveform.png", "report.json")
NORMALISED, CUT = "normalised.wav", "cut.wav"

Progress = Callable[[float], None]  # hears a share from 0 to 1


@dataclass
class Work:
    """One attempt at one episode: what a step finds, and what it leaves for the next."""

    source: Path
    folder: Path
    title: str
    loudness: float
    report: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> str:
        """A file of this attempt, as an argument."""
        return str(self.folder / name)

    def part(self, progress: Progress, begin: float = 0, end: float = 1) -> Callable[[float], None]:
        """Turns seconds of sound into a share of the step."""
        total = self.report["recording"]["seconds"]
        return lambda seconds: progress(begin + (end - begin) * min(1, seconds / total))


def probe(work: Work, _: Progress) -> None:
    """Refuses what cannot become an episode, and notes what it is otherwise."""
    wav.check(work.source)
    stream = ffmpeg.probe(work.source)
    seconds = float(stream.get("duration", 0))
    if seconds < MIN_SECONDS:
        raise BadRecordingError(f"The recording is only {seconds:.1f} seconds long: record it again.")
    work.report["recording"] = {
        "codec": stream["codec_name"],
        "sample_rate": int(stream["sample_rate"]),
        "channels": stream["channels"],
        "seconds": round(seconds, 2),
    }


def normalise(work: Work, progress: Progress) -> None:
    """Makes it as loud as all others (EBU R128), by the same gain from beginning to end.

    loudnorm does that in its second pass when it is told what the first one measured, and when the
    peaks allow it. Otherwise it turns the volume up and down as it goes, without a word, and misses its
    target by a decibel. The peaks of speech never allow it, so a limiter comes first.
    """
    source = ffmpeg.source(work.source)
    rough = ffmpeg.loudness(*source, on_seconds=work.part(progress, 0, 0.25))
    if rough["input_i"] < SILENT_LUFS:
        raise BadRecordingError("The recording is silent: check the microphone and record it again.")
    limited = (
        f"volume={work.loudness - rough['input_i']}dB,{OVERSAMPLE},"
        f"alimiter=limit={TRUE_PEAK - HEADROOM}dB:level=false"
    )
    # Measured without the pauses, which the next step cuts.
    exact = ffmpeg.loudness(
        *source, filters=f"{limited},{CUT_SILENCE}", on_seconds=work.part(progress, 0.25, 0.65)
    )
    second_pass = (
        f"loudnorm=I={work.loudness}:TP={TRUE_PEAK}:LRA={min(50, max(1, exact['input_lra']))}:linear=true:"
        f"measured_I={exact['input_i']}:measured_TP={exact['input_tp']}:"
        f"measured_LRA={exact['input_lra']}:measured_thresh={exact['input_thresh']}:print_format=json"
    )
    recording = work.report["recording"]
    said = ffmpeg.run(
        *(*source, "-af", f"{limited},{second_pass}"),
        # An MP3 has neither 192 kHz nor more than two channels.
        *("-ar", "44100" if recording["sample_rate"] % 11025 == 0 else "48000"),
        *("-ac", str(min(2, recording["channels"])), "-c:a", "pcm_s24le", work.path(NORMALISED)),
        on_seconds=work.part(progress, 0.65, 1),
    )
    work.report["loudness"] = {
        "before": rough["input_i"],
        "target": work.loudness,
        "gain": ffmpeg.loudnorm_json(said)["normalization_type"],
    }


def cut_silence(work: Work, progress: Progress) -> None:
    """Shortens the pauses."""
    ffmpeg.run(
        *("-i", work.path(NORMALISED), "-af", CUT_SILENCE, "-c:a", "pcm_s24le", work.path(CUT)),
        on_seconds=work.part(progress),
    )


def encode(work: Work, progress: Progress) -> None:
    """Writes the MP3. With a fixed bit rate LAME would turn it down by half a decibel."""
    ffmpeg.run(
        *("-i", work.path(CUT), "-c:a", "libmp3lame", "-q:a", "4"),
        *("-metadata", f"title={work.title}", work.path(EPISODE)),
        on_seconds=work.part(progress),
    )


def draw(work: Work, _: Progress) -> None:
    """Draws the waveform."""
    work.report["seconds"] = waveform.draw(work.folder / CUT, work.folder / WAVEFORM)


def describe(work: Work, progress: Progress) -> None:
    """Measures the episode as its listeners hear it, and writes the report."""
    heard = ffmpeg.loudness("-i", work.path(EPISODE), filters=OVERSAMPLE, on_seconds=work.part(progress))
    work.report["loudness"] |= {"after": heard["input_i"], "true_peak": heard["input_tp"]}
    work.report["cut_seconds"] = round(work.report["recording"]["seconds"] - work.report["seconds"], 2)
    Path(work.path(REPORT)).write_text(json.dumps(work.report, indent=2) + "\n", encoding="utf-8")


STEPS: dict[str, Callable[[Work, Progress], None]] = {
    "probe": probe,
    "normalise": normalise,
    "cut silence": cut_silence,
    "encode": encode,
    "waveform": draw,
    "report": describe,
}


def process(store: Store, settings: Settings, episode_id: str) -> None:
    """Makes an episode of its upload. What goes wrong ends in its row and in the log."""
    attempt = store.claim(episode_id)
    episode = store.find(episode_id)
    if attempt is None or episode is None:
        return  # done by an earlier delivery of this task, or deleted
    for leftover in settings.outputs.glob(f"{episode_id}.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = settings.outputs / f"{episode_id}.{attempt.number}"
    work = Work(settings.uploads / f"{episode_id}.wav", folder, Path(episode["name"]).stem, settings.loudness)
    try:
        _try(attempt, work, settings.outputs / episode_id)
    except SupersededError:
        log.warning("episode %s: attempt %d ends, because a newer one has begun", episode_id, attempt.number)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _try(attempt: Attempt, work: Work, final: Path) -> None:
    try:
        work.folder.mkdir()
        for name, step in STEPS.items():
            _run_step(attempt, work, name, step)
        _publish(work.folder, final)
        attempt.complete(work.report)
    except SupersededError:
        raise
    except BadRecordingError as error:
        log.warning("episode %s: %s", attempt.episode_id, error)
        attempt.fail(str(error))
    except Exception as error:
        log.exception("episode %s: attempt %d failed", attempt.episode_id, attempt.number)
        sentence = (
            "The recording takes too long to process: split it."
            if isinstance(error, SoftTimeLimitExceeded)
            else "The recording could not be processed: the log of the worker says why."
        )
        attempt.fail(sentence, detail=f"{type(error).__name__}: {error}")


def _run_step(attempt: Attempt, work: Work, name: str, step: Callable[[Work, Progress], None]) -> None:
    started = said = time.monotonic()
    attempt.step(name, "running")

    def progress(share: float) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= SAY_INTERVAL:
            said = now
            attempt.step(name, "running", int(share * 100), now - started)

    step(work, progress)
    attempt.step(name, "done", 100, time.monotonic() - started)


def _publish(folder: Path, final: Path) -> None:
    for name in (NORMALISED, CUT):
        (folder / name).unlink()
    # There is one only if an attempt died after this, before it could say that it was done.
    shutil.rmtree(final, ignore_errors=True)
    folder.rename(final)
