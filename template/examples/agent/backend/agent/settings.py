"""Settings, read from the environment: ``Database__Url`` is ``settings().database.url``.

Two underscores stand between a group and its setting, and capitals do not matter. Nothing else in the
application looks at the environment, and nothing has a host, a user or a key as its default.
"""

from functools import cache
from typing import Annotated

from pydantic import BaseModel, SecretStr, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class SettingsError(RuntimeError):
    """A setting is missing or cannot work. The message names it and holds no value."""


class Database(BaseModel):
    """PostgreSQL."""

    url: SecretStr


class Queue(BaseModel):
    """Redis or Valkey."""

    url: SecretStr


class Storage(BaseModel):
    """A bucket of an S3 store. Without an address it is Amazon's."""

    bucket: Text
    endpoint_url: Text | None = None
    region: Text = "us-east-1"
    access_key_id: Text
    secret_access_key: SecretStr


class Provider(BaseModel):
    """A language model behind an API of OpenAI's form. Without a key the answer is put together here."""

    api_key: SecretStr | None = None
    url: Text = "https://api.openai.com/v1"
    model: Text = "gpt-5-mini"


class Settings(BaseSettings):
    """What the environment says."""

    # An empty value is what Compose hands over for a setting that is not set.
    model_config = SettingsConfigDict(env_nested_delimiter="__", env_ignore_empty=True, extra="ignore")

    database: Database
    queue: Queue
    storage: Storage
    provider: Provider = Provider()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment alone, and there what has two underscores: a STORAGE is somebody else's."""
        assert isinstance(env_settings, EnvSettingsSource)  # noqa: S101 for the type checker
        env_settings.env_vars = {name: value for name, value in env_settings.env_vars.items() if "__" in name}
        return (env_settings,)


def load() -> Settings:
    """Reads the environment. Raises SettingsError with every setting that is missing or wrong."""
    try:
        return Settings()  # type: ignore[call-arg]  # the environment has them
    except ValidationError as error:
        wrong = sorted({name_of(problem["loc"]): problem["msg"] for problem in error.errors()}.items())
        text = "; ".join(f"{name}: {message.lower()}" for name, message in wrong)
        # Without the cause: it quotes the values, and a URL holds a password.
        raise SettingsError(f"Settings are missing or wrong: {text}.") from None


def name_of(location: tuple[int | str, ...]) -> str:
    """The name of a setting as it is written: ("database", "url") is Database__Url."""
    return "__".join(str(part).title() for part in location)


@cache
def settings() -> Settings:
    """The settings of this process."""
    return load()
