"""Settings, read once from the environment. Nothing else in the application looks there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1024 * 1024


class SettingsError(RuntimeError):
    """An environment variable has a value that cannot work."""


@dataclass(frozen=True)
class Settings:
    """What differs from one installation to the next."""

    database: Path
    redis_url: str
    upload_limit: int  # bytes
    loudness: float  # LUFS

    @property
    def uploads(self) -> Path:
        """The recordings as they came. Beside the database: what belongs together is backed up together."""
        return self.database.parent / "uploads"

    @property
    def outputs(self) -> Path:
        """A folder for each finished episode."""
        return self.database.parent / "outputs"


def load(environ: Mapping[str, str]) -> Settings:
    """Reads the settings, or says which one is wrong."""

    def number(name: str, default: float, low: float, high: float) -> float:
        text = environ.get(name, "").strip() or str(default)
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise SettingsError(f"{name} has to be a number from {low:g} to {high:g}; it is {text!r}.")
        return value

    url = environ.get("DATABASE_URL", "").strip() or "sqlite:///data/podcast.db"
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path:
        raise SettingsError("DATABASE_URL has to name a file, such as sqlite:////data/podcast.db.")
    return Settings(
        database=Path(path).absolute(),
        redis_url=environ.get("REDIS_URL", "").strip() or "redis://127.0.0.1:6379/0",
        upload_limit=int(number("UPLOAD_LIMIT_MB", 100, 1, 2000) * MEGABYTE),
        loudness=number("LOUDNESS_LUFS", -16, -40, -10),
    )
