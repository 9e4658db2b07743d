"""What the database holds."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid4

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Index, MetaData, String, Text, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from stories.config import TITLE_LIMIT


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


# A point in time, the same on a host in whatever time zone.
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]


# What was committed is not read again: the connection goes back to the pool at the commit.
db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def now() -> datetime:
    return datetime.now(UTC)


class Status(StrEnum):
    QUEUED = "queued"
    NARRATING = "narrating"
    DONE = "done"
    FAILED = "failed"


UNFINISHED = (Status.QUEUED, Status.NARRATING)


class Story(db.Model):
    """A text, and how far its narration has come."""

    __tablename__ = "story"
    __table_args__ = (Index(None, "status", "updated_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    title: Mapped[str] = mapped_column(String(TITLE_LIMIT))
    text: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), default=Status.QUEUED)
    progress: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    # Which task works on it, and in which attempt: see narration.claim().
    task_id: Mapped[str | None] = mapped_column(String(64))
    attempt: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Moment] = mapped_column(default=now, index=True)
    updated_at: Mapped[Moment] = mapped_column(default=now)

    @property
    def finished(self) -> bool:
        return self.status not in UNFINISHED

    @property
    def audio_key(self) -> str:
        """The name of the recording in the bucket. One per story: a second upload overwrites."""
        return f"stories/{self.id}.wav"

    @classmethod
    def latest(cls, limit: int) -> list["Story"]:
        query = select(cls).order_by(cls.created_at.desc(), cls.id).limit(limit)
        return list(db.session.scalars(query))


class Pulse(db.Model):
    """When a process was last seen alive, and on which host."""

    __tablename__ = "pulse"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    seen_at: Mapped[Moment]

    @staticmethod
    def record(name: str, host: str) -> None:
        """Note a sign of life. An upsert, because several workers write the same row."""
        seen = {"host": host, "seen_at": now()}
        query = insert(Pulse).values(name=name, **seen)
        db.session.execute(query.on_conflict_do_update(index_elements=["name"], set_=seen))
