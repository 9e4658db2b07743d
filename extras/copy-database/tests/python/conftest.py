"""Where the tests of the copy run: each against every database in TEST_TARGETS, URLs separated by blanks."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from docker_roles.copy_database.__main__ import main

import shop

TARGETS = os.environ.get("TEST_TARGETS", "").split()


@dataclass
class Outcome:
    """What one copy said."""

    code: int
    events: list[dict[str, Any]]
    output: str

    def of(self, event: str) -> list[dict[str, Any]]:
        """The events of one kind."""
        return [one for one in self.events if one["event"] == event]

    @property
    def findings(self) -> set[tuple[str, str, str, str]]:
        """Table, key, column and kind of each."""
        return {(one["table"], one["key"], one["column"], one["kind"]) for one in self.of("finding")}


@dataclass
class Bench:
    """A SQLite file and a target that has no tables."""

    path: Path
    url: str
    source: sa.Engine
    target: sa.Engine
    capture: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict)

    def sql(self, *statements: str) -> None:
        """Does to the source what no application would, without SQLite's own checks."""
        with self.source.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A copy that runs in a process of its own."""
        command = [sys.executable, "-m", "docker_roles.copy_database", *self._options(arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=os.environ | self._settings(), text=True, stdout=pipe, stderr=pipe
        )

    def copy(self, *arguments: str) -> Outcome:
        """A copy that has ended. Its output must never hold the target's password."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["copy_database", *self._options(arguments)])
            for name, value in self._settings().items():
                patch.setenv(name, value)
            handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
            code = main()
            for number, handler in handlers.items():
                signal.signal(number, handler)
        stdout, stderr = self.capture.readouterr()
        assert self.url not in stdout + stderr
        assert str(sa.engine.make_url(self.url).password) not in stdout + stderr
        events = [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
        return Outcome(code, events, stdout + stderr)

    def _options(self, arguments: tuple[str, ...]) -> list[str]:
        return ["--json", "--from", f"sqlite:///{self.path}", *arguments]

    def _settings(self) -> dict[str, str]:
        command = f"{sys.executable} {shop.__file__}"
        return {"MIGRATE_COMMAND": command, "DATABASE_URL": self.url, **self.environment}

    def rows(self, table: sa.Table) -> list[tuple[Any, ...]]:
        """What the application sees in the target."""
        with self.target.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]

    def is_empty(self) -> bool:
        """There are tables in the target, and no row in any of them."""
        tables = [shop.customer, shop.order, shop.hen, shop.egg]
        return not any(self.rows(table) for table in tables)


def _drop_all(engine: sa.Engine) -> None:
    found = sa.MetaData()
    found.reflect(engine)
    with engine.begin() as connection:
        if engine.dialect.name == "mysql":
            connection.exec_driver_sql("SET foreign_key_checks = 0")
            for table in found.tables:
                connection.exec_driver_sql(f"DROP TABLE `{table}`")
        else:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")


@pytest.fixture(
    params=TARGETS or [pytest.param("", marks=pytest.mark.skip("TEST_TARGETS is empty"))],
    ids=lambda url: url.partition(":")[0],
)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Iterator[Bench]:
    """A shop in SQLite, and an empty target."""
    target = sa.create_engine(request.param, poolclass=sa.NullPool)
    _drop_all(target)
    path = tmp_path / "shop's ü.db"
    source = shop.create(f"sqlite:///{path}")
    yield Bench(path, request.param, source, target, capfd)
    _drop_all(target)
