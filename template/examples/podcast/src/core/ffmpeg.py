"""ffmpeg and ffprobe as children that have a time limit, tell how far they are, and never outlive us."""

import json
import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.wav import BadRecordingError

# Longer than the longest recording that fits into the upload limit takes on a small machine.
LIMIT_SECONDS = 300

# A worker process that is killed (time limit, lack of memory, a stop that did not wait) cannot tell its
# child. Linux can: the child asks to be killed when its parent dies.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()

# What ffmpeg -progress writes, one pair on a line.
_PROGRESS = re.compile(r"^(?P<name>[a-z0-9_]+)=\s*(?P<value>\S*)$")

# loudnorm only measures, six times as fast, when it believes that somebody has done so already.
_MEASURE = (
    "loudnorm=linear=true:LRA=50:print_format=json:"
    "measured_I=-24:measured_TP=-99:measured_LRA=1:measured_thresh=-34"
)


class FfmpegError(Exception):
    """A program failed although the recording looked good. The message is its last lines."""


def source(path: Path) -> tuple[str, ...]:
    """The arguments for a recording from outside.

    As WAV whatever it looks like, and from a file: ffmpeg also knows playlists, which name other files and
    addresses, and would read those.
    """
    return ("-protocol_whitelist", "file", "-f", "wav", "-i", str(path))


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe knows of a recording: sample_rate, channels, codec_name, duration and more."""
    command = [*DIE_WITH_PARENT, "ffprobe", "-v", "error", "-of", "json", "-show_streams", *source(path)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired as error:
        raise FfmpegError("ffprobe did not end within 30 seconds.") from error
    streams = json.loads(result.stdout or "{}").get("streams", [])
    if result.returncode != 0 or not streams or "codec_name" not in streams[0]:
        raise BadRecordingError(
            "The sound in the file cannot be decoded: export it as WAV (PCM) and upload that."
        )
    return streams[0]


def run(*arguments: str, on_seconds: Callable[[float], None] = lambda _: None) -> str:
    """Runs ffmpeg and returns the last lines of what it says.

    ``on_seconds`` hears, about twice a second, how many seconds of sound have been written. Raises
    FfmpegError when ffmpeg fails or takes longer than LIMIT_SECONDS.
    """
    command = [
        *DIE_WITH_PARENT,
        "ffmpeg",
        "-hide_banner",
        "-nostdin",
        "-nostats",
        "-y",
        "-progress",
        "pipe:2",
    ]
    said: deque[str] = deque(maxlen=40)
    with subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as child:
        # Celery has time limits of its own, in one kind of pool alone; this one works in each.
        expired = threading.Event()
        watchdog = threading.Timer(LIMIT_SECONDS, lambda: (expired.set(), child.kill()))
        watchdog.start()
        try:
            for line in child.stderr or ():
                if not (pair := _PROGRESS.match(line.strip())):
                    said.append(line.rstrip())
                elif pair["name"] == "out_time_us" and pair["value"].isdecimal():
                    on_seconds(int(pair["value"]) / 1_000_000)
            child.wait()
        except BaseException:  # a time limit of Celery's, too
            child.kill()
            raise
        finally:
            watchdog.cancel()
    if child.returncode != 0:
        why = (
            f"not done after {LIMIT_SECONDS} seconds" if expired.is_set() else f"exit code {child.returncode}"
        )
        raise FfmpegError("\n".join([f"ffmpeg: {why}", *said]))
    return "\n".join(said)


def loudness(
    *recording: str, filters: str = "anull", on_seconds: Callable[[float], None] = lambda _: None
) -> dict[str, Any]:
    """Measures a recording: input_i (LUFS), input_tp (its highest sample, dB), input_lra, input_thresh."""
    arguments = (*recording, "-af", f"{filters},{_MEASURE}", "-f", "null", "-")
    return loudnorm_json(run(*arguments, on_seconds=on_seconds))


def loudnorm_json(said: str) -> dict[str, Any]:
    """What the filter loudnorm prints at its end."""
    values = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
    return {name: value if name == "normalization_type" else float(value) for name, value in values.items()}
