"""Settings in groups, and connections that verify by default."""

import pytest

from agent import database
from agent.queue import VERIFIED, configuration
from agent.settings import SettingsError, load, settings
from tests.conftest import forget


def test_names_in_mixed_case_reach_their_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Database__Url", "postgresql://somewhere/agent")
    monkeypatch.setenv("Storage__Endpoint_Url", "https://files.test")
    monkeypatch.setenv("Provider__Model", "")
    monkeypatch.setenv("STORAGE", "/somebody/else")
    found = load()
    assert found.database.url.get_secret_value() == "postgresql://somewhere/agent"
    assert found.storage.endpoint_url == "https://files.test"
    assert found.provider.model  # an empty value is none


def test_every_missing_setting_is_named_and_no_value_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("Database__Url")
    monkeypatch.setenv("Storage__Bucket", " ")
    with pytest.raises(SettingsError) as caught:
        load()
    assert "Database: field required" in str(caught.value) or "Database__Url: field required" in str(
        caught.value
    )
    assert "Storage__Bucket" in str(caught.value)
    assert "tests-of-the-agent" not in str(caught.value)


def test_a_secret_is_not_in_what_settings_look_like() -> None:
    assert "tests-of-the-agent" not in repr(settings())


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://u:p@db.example.org/agent", "verify-full"),
        ("postgresql://u:p@db.example.org/agent?sslmode=require", "require"),
        ("postgresql://u:p@localhost/agent", None),
        ("postgresql:///agent?host=/run/postgresql", None),
    ],
)
def test_the_certificate_of_a_distant_database_is_verified_unless_the_url_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, url: str, mode: str | None
) -> None:
    monkeypatch.setenv("Database__Url", url)
    forget()
    assert database.parameters().get("sslmode") == mode
    monkeypatch.undo()
    forget()


def test_the_queue_is_verified_too() -> None:
    assert configuration("rediss://queue.example.org:6379/0")["broker_use_ssl"] == VERIFIED
    assert configuration("redis://localhost:6379/0")["broker_use_ssl"] is None
