"""The environment."""

from pathlib import Path

import pytest

from transcripts.settings import SettingsError, load


def test_without_an_environment_it_runs_on_this_machine() -> None:
    settings = load({})
    assert settings.database == Path("data/transcripts.db")
    assert settings.redis_url == "redis://localhost:6379/0"


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_URL": "postgresql://db/x"},
        {"DATABASE_URL": "sqlite://"},
        {"RETRY_SECONDS": "soon"},
        {"RETRY_SECONDS": "-1"},
        {"EXTRACTOR_PAUSE": "nan"},
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(environ))):
        load(environ)


def test_a_secret_is_not_shown() -> None:
    shown = repr(load({"REDIS_URL": "redis://:hidden@redis/0", "OPENAI_API_KEY": "hidden"}))
    assert "hidden" not in shown
