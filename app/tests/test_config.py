"""Settings: what is missing is named."""

import pytest

from stories import create_app
from stories.config import SettingsError

REQUIRED = [
    "DATABASE_URL",
    "REDIS_URL",
    "S3_BUCKET",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
    "SECRET_KEY",
]


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_required_variable_is_named(
    environ: dict[str, str], name: str, value: str | None
) -> None:
    without = {key: setting for key, setting in environ.items() if key != name}
    if value is not None:
        without[name] = value
    with pytest.raises(SettingsError, match=f"^The environment variable {name} is missing"):
        create_app(without)
