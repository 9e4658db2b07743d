"""Settings, read from the environment. Nothing else in the application looks there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SQLITE = "sqlite:///"


class SettingsError(RuntimeError):
    """An environment variable has a value that cannot work."""


@dataclass(frozen=True)
class Settings:
    """What the environment says."""

    database: Path
    redis_url: str = field(repr=False)  # it may hold a password
    # Seconds before the first retry of a transcript; each further one waits twice as long.
    retry_seconds: float
    # Seconds that the rules rest after each line. A stand-in for the time that a real service takes.
    extractor_pause: float
    # Of language-model services, by the name under which a transcript asks for them.
    api_keys: Mapping[str, str] = field(repr=False)


def load(environ: Mapping[str, str]) -> Settings:
    """Turns environment variables into settings. Raises SettingsError, which names the variable."""

    def seconds(name: str, default: str) -> float:
        value = environ.get(name, "").strip() or default
        try:
            number = float(value)
        except ValueError:
            number = -1
        if not 0 <= number <= 60:  # noqa: PLR2004 a minute
            raise SettingsError(f"{name}={value} is no number of seconds from 0 to 60.")
        return number

    url = environ.get("DATABASE_URL", "").strip() or f"{SQLITE}data/transcripts.db"
    path = url.removeprefix(SQLITE)
    if path in {url, "", ":memory:"}:
        raise SettingsError("DATABASE_URL has to name an SQLite file: sqlite:////data/transcripts.db")
    return Settings(
        database=Path(path),
        redis_url=environ.get("REDIS_URL", "").strip() or "redis://localhost:6379/0",
        retry_seconds=seconds("RETRY_SECONDS", "1"),
        extractor_pause=seconds("EXTRACTOR_PAUSE", "0"),
        api_keys={
            "anthropic": environ.get("ANTHROPIC_API_KEY", ""),
            "openai": environ.get("OPENAI_API_KEY", ""),
        },
    )


@cache
def settings() -> Settings:
    """The settings of this process."""
    return load(os.environ)
