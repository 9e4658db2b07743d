"""What the database holds. The same on SQLite, PostgreSQL and MariaDB."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    select,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeEngine

CODE_LENGTH = 32
NAME_LENGTH = 80
FILE_NAME_LENGTH = 200
REASON_LENGTH = 200
# Of a rejected line, so much is kept.
LINE_LENGTH = 500

# Twelve digits, three of them behind the point: no reading is rounded by a float.
Value = Numeric(12, 3)
# SQLite counts rows by itself only where the key is called INTEGER.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


class Moment(TypeDecorator[datetime]):
    """A point in time with its zone, on databases that keep none as well: they hold UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MariaDB cuts off fractions of a second unless it is told how many digits to keep."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses a time without a zone: nobody could say later which one was meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone.")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """In UTC, whatever the zone of the connection."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Names every constraint, so that a later migration can refer to it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# What was committed is not read again: the connection goes back to the pool at the commit.
db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@event.listens_for(Engine, "connect")
def prepare_sqlite(connection: Any, _record: object) -> None:
    """Lets web and worker share one file: readers never wait, and writers wait for each other."""
    if not type(connection).__module__.startswith("sqlite3"):
        return
    for pragma in ("busy_timeout = 15000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


class Status(StrEnum):
    """How far a batch is."""

    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


UNFINISHED = (Status.QUEUED, Status.WORKING)


class Site(db.Model):
    """A place that is measured; it may lie in another one."""

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    code: Mapped[str] = mapped_column(String(CODE_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    note: Mapped[str | None] = mapped_column(Text)

    parent: Mapped["Site | None"] = relationship(remote_side=id)

    def path(self) -> str:
        """The names from the outermost place to this one."""

        def names(site: "Site | None") -> Iterator[str]:
            while site:
                yield site.name
                site = site.parent

        return " / ".join(reversed(list(names(self))))


class Unit(db.Model):
    """What a value is measured in. Its key is its sign, which nobody counts."""

    __tablename__ = "unit"

    sign: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))


class Sensor(db.Model):
    """Where readings come from, and which of them can be true."""

    __tablename__ = "sensor"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    unit_sign: Mapped[str] = mapped_column(ForeignKey("unit.sign"))
    code: Mapped[str] = mapped_column(String(CODE_LENGTH), unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    lowest: Mapped[Decimal] = mapped_column(Value)
    highest: Mapped[Decimal] = mapped_column(Value)
    installed_on: Mapped[date]
    # What its maker says of it: {"maker": …, "accuracy": 0.5, "channels": […]}
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    site: Mapped[Site] = relationship()


class Batch(db.Model):
    """An uploaded file of readings, and how far the work on it has come."""

    __tablename__ = "batch"
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    file_name: Mapped[str] = mapped_column(String(FILE_NAME_LENGTH))
    status: Mapped[str] = mapped_column(String(16), default=Status.QUEUED)
    rows: Mapped[int] = mapped_column(default=0)
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_rejected: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    # Only the newest attempt may write: see dashboard.batches.claim().
    attempt: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    @property
    def finished(self) -> bool:
        """Nothing will happen to it any more."""
        return self.status not in UNFINISHED

    @classmethod
    def latest(cls, limit: int) -> list["Batch"]:
        """The newest first."""
        return list(db.session.scalars(select(cls).order_by(cls.created_at.desc(), cls.id).limit(limit)))


class Reading(db.Model):
    """One value of one sensor."""

    __tablename__ = "reading"
    __table_args__ = (UniqueConstraint("sensor_id", "measured_at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"), index=True)
    sensor_id: Mapped[int] = mapped_column(ForeignKey("sensor.id"))
    measured_at: Mapped[datetime] = mapped_column(Moment)
    value: Mapped[Decimal] = mapped_column(Value)


class Rejection(db.Model):
    """A line that is no reading, and why."""

    __tablename__ = "rejection"
    __table_args__ = (Index(None, "batch_id", "line"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"))
    line: Mapped[int]
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))
    text: Mapped[str] = mapped_column(String(LINE_LENGTH))


class Day(db.Model):
    """What one sensor measured on one day (UTC). The two are its key, and nothing counts it."""

    __tablename__ = "day"

    sensor_id: Mapped[int] = mapped_column(ForeignKey("sensor.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    readings: Mapped[int]
    lowest: Mapped[Decimal] = mapped_column(Value)
    highest: Mapped[Decimal] = mapped_column(Value)
    total: Mapped[Decimal] = mapped_column(Numeric(18, 3))
    mean: Mapped[float] = mapped_column(Double)
