"""A small shop whose tables have every type that is copied, and a bench on which it is copied.

As a program it is its own migration.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from copy_database.__main__ import main as copy_main

metadata = sa.MetaData()
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ZONED = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

# Named so that the alphabetical order does not put parents before their children.
customer = sa.Table(
    "zz_customer",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(12), nullable=False, unique=True),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("born", sa.Date),
    sa.Column("seen", MOMENT),
    sa.Column("zoned", ZONED),
    sa.Column("opens", sa.Time().with_variant(mysql.TIME(fsp=6), "mysql", "mariadb")),
    sa.Column("waits", sa.Interval),
    sa.Column("balance", sa.Numeric(10, 2)),
    sa.Column("weight", sa.Double),
    sa.Column("settings", sa.JSON),
    sa.Column("picture", sa.LargeBinary),
    sa.Column("token", sa.Uuid),
    sa.Column("level", sa.Enum("low", "high", name="level")),
    sa.Column("small", sa.SmallInteger),
    sa.Column("note", sa.Text),
    sa.Column("recommended_by", sa.ForeignKey("zz_customer.id")),
    sqlite_autoincrement=True,
)
order = sa.Table(
    "order",
    metadata,
    sa.Column("customer id", sa.ForeignKey("zz_customer.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("place %", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("Größe", sa.Text),
)
hen = sa.Table(
    "hen",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("egg_id", sa.ForeignKey("egg.id", name="fk_hen_egg", use_alter=True), nullable=False),
)
egg = sa.Table(
    "egg",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("hen_id", sa.ForeignKey("hen.id", name="fk_egg_hen"), nullable=False),
)
version = sa.Table("alembic_version", metadata, sa.Column("version_num", sa.String(32), primary_key=True))

CUSTOMERS: list[dict[str, Any]] = [
    # Zero is a number, and its recommendation comes after it.
    {"id": 0, "name": "Zoë 🐔", "active": True, "recommended_by": 7},
    {
        "id": 7,
        "name": "",
        "active": False,
        "born": date(1, 1, 1),
        "seen": datetime(2026, 3, 29, 2, 30, 0, 123456),  # noqa: DTZ001
        "zoned": datetime(2026, 3, 29, 2, 30, 0, 1),  # noqa: DTZ001
        "opens": time(23, 59, 59, 999999),
        "waits": timedelta(days=3, seconds=1),
        "balance": Decimal("-12345678.91"),
        "weight": 0.1 + 0.2,
        "settings": {"numbers": [1, 1.5, 1e-7, 10**20], "text": "ü\n\"'\\", "none": None},
        "picture": bytes(range(256)),
        "token": UUID("5f1c7d2e-8a3b-4c6d-9e0f-123456789abc"),
        "level": "high",
        "small": -(2**15),
        "note": "'; DROP TABLE hen; -- \\ %s %(name)s :name\r\n\ttab",
    },
]


def create(url: str) -> sa.Engine:
    """Makes the tables, and sets their migration."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    metadata.create_all(engine)
    with engine.begin() as connection:
        if not connection.execute(sa.select(version)).first():
            connection.execute(sa.insert(version), {"version_num": os.environ.get("SHOP_VERSION", "0001")})
    return engine


def fill(engine: sa.Engine, customers: int = 0) -> None:
    """Adds the rows to copy, and this many more customers."""
    more = [
        {"id": 100 + n, "name": f"c{n}", "active": n % 2 == 0, "note": "x" * 500} for n in range(customers)
    ]
    with engine.begin() as connection:
        for row in [*CUSTOMERS, *more[:1]]:
            connection.execute(sa.insert(customer), row)
        if more[1:]:
            connection.execute(sa.insert(customer), more[1:])
        connection.execute(sa.insert(order), [{"customer id": 7, "place %": n, "Größe": "L"} for n in (1, 0)])
        connection.execute(sa.insert(hen), {"id": 1, "egg_id": 5})
        connection.execute(sa.insert(egg), {"id": 5, "hen_id": 1})


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

    @property
    def message(self) -> str:
        """Why it failed."""
        return str(self.of("failed")[0]["message"])


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
        """Changes the source as no application would, without SQLite's own checks."""
        with self.source.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A copy that runs in a process of its own."""
        command = [sys.executable, "-m", "copy_database", *self._options(arguments)]
        environment = os.environ | self._settings()
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE)

    def copy(self, *arguments: str) -> Outcome:
        """A copy that has ended. Its output must never hold the target's password."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["copy_database", *self._options(arguments)])
            for name, value in self._settings().items():
                patch.setenv(name, value)
            handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
            code = copy_main()
            for number, handler in handlers.items():
                signal.signal(number, handler)
        stdout, stderr = self.capture.readouterr()
        assert self.url not in stdout + stderr
        assert str(sa.engine.make_url(self.url).password) not in stdout + stderr
        events = [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
        return Outcome(code, events, stdout + stderr)

    def _options(self, arguments: tuple[str, ...]) -> list[str]:
        return ["--from", f"sqlite:///{self.path}", *arguments]

    def _settings(self) -> dict[str, str]:
        command = f"{sys.executable} {__file__}"
        return {"MIGRATE_COMMAND": command, "DATABASE_URL": self.url, **self.environment}

    def rows(self, table: sa.Table) -> list[tuple[Any, ...]]:
        """What the application sees in the target."""
        with self.target.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]

    def is_empty(self) -> bool:
        """Whether the target has tables, and no row in any of them."""
        tables = [customer, order, hen, egg]
        return not any(self.rows(table) for table in tables)


def drop_all(engine: sa.Engine) -> None:
    """Removes everything from a target."""
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


def main() -> None:
    """The migration; with SHOP_SQL it does something more."""
    engine = create(os.environ["DATABASE_URL"])
    with engine.begin() as connection:
        for statement in filter(None, os.environ.get("SHOP_SQL", "").split(";;")):
            connection.exec_driver_sql(statement)
    print("migrated", engine.dialect.name)


if __name__ == "__main__":
    main()
