"""Makes a recording as people upload them: speech with long pauses, music and noise under it, and too quiet.

``python tests/recording.py talk.wav 75`` writes 75 seconds.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TEXT = (
    "One hot day a fox was strolling through an orchard, till he came to a bunch of grapes just ripening "
    "on a vine which had been trained over a lofty branch. Just the thing to quench my thirst, said he."
)
PAUSE_SECONDS = 4


def ffmpeg(*arguments: str | Path) -> None:
    """Runs ffmpeg, silently."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)


def speak(path: Path) -> None:
    """By espeak-ng, or by the voice that Debian's ffmpeg has built in."""
    if shutil.which("espeak-ng"):
        subprocess.run(["espeak-ng", "-w", path, TEXT], check=True)
    else:
        ffmpeg("-f", "lavfi", "-i", f"flite=text='{TEXT}':voice=slt", path)


def make(path: Path, seconds: int) -> Path:
    """Writes a stereo WAV of so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder, "speech.wav")
        speak(speech)
        with_pause = Path(folder, "with-pause.wav")
        ffmpeg("-i", speech, "-af", f"aresample=44100,apad=pad_dur={PAUSE_SECONDS}", with_pause)
        music = "sine=f=220:b=4:r=44100"
        noise = "anoisesrc=c=pink:a=0.001:r=44100"
        mix = (
            "[0]volume=-14dB[speech];[1]volume=-48dB[music];"
            "[speech][music][2]amix=inputs=3:duration=first:normalize=0,aformat=channel_layouts=stereo"
        )
        ffmpeg(
            *("-stream_loop", "-1", "-i", with_pause, "-f", "lavfi", "-i", music, "-f", "lavfi", "-i", noise),
            *("-filter_complex", mix, "-t", str(seconds), path),
        )
    return path


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
