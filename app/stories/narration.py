"""The work itself: from a row in the database to a recording in the bucket.

Every step may happen twice. A worker that dies gives its task back, a broker that restarts hands a
task out again, and the clock queues what seems forgotten. So a story counts its attempts, and only
the newest attempt may write; an older one that is still alive stops at its next step.
"""

import tempfile
from uuid import UUID

from sqlalchemy import update

from stories import events, text
from stories.audio import WavJoiner
from stories.models import UNFINISHED, Status, Story, db, now
from stories.narrators import Narrator
from stories.storage import Storage

# More starts than all retries of a task. Beyond, the story itself must be what kills the workers.
ATTEMPTS = 20


class Superseded(Exception):
    """A newer attempt works on this story."""


def claim(story_id: UUID, task_id: str) -> Story | None:
    """Take a story to work on it, unless it is finished or in the hands of another task."""
    story = db.session.get(Story, story_id, with_for_update=True)
    if story is None or story.finished:
        return None  # deleted, or done by an earlier delivery of this task
    if story.status == Status.NARRATING and story.task_id != task_id:
        return None  # being worked on: this is a second task for the same story
    story.task_id = task_id
    story.attempt += 1
    story.status = Status.NARRATING
    story.progress = 0
    story.error = None
    story.updated_at = now()
    if story.attempt > ATTEMPTS:
        story.status = Status.FAILED
        story.error = (
            f"The narration was started {ATTEMPTS} times and never finished: "
            "look into the worker's log."
        )
    db.session.commit()
    events.publish(story)
    return None if story.finished else story


def narrate(story: Story, narrator: Narrator, storage: Storage) -> None:
    """Speak a claimed story chunk by chunk, and store the recording."""
    storage.ensure_bucket()  # a store that is away is noticed before the work, not after it
    chunks = text.split(story.text)
    with tempfile.TemporaryFile(suffix=".wav") as file:
        with WavJoiner(file) as recording:
            for number, chunk in enumerate(chunks, start=1):
                recording.append(narrator.narrate(chunk))
                # The last percents are the upload's.
                _step(story, progress=95 * number // len(chunks))
        file.seek(0)
        storage.upload(file, story.audio_key, "audio/wav")
    _step(story, status=Status.DONE, progress=100)


def _step(story: Story, **values: object) -> None:
    if not change(story.id, Story.attempt == story.attempt, **values):
        raise Superseded


def change(story_id: UUID, condition: object, **values: object) -> bool:
    """Change an unfinished story if the condition holds, and tell who is watching."""
    story = db.session.scalar(
        update(Story)
        .where(Story.id == story_id, Story.status.in_(UNFINISHED), condition)
        .values(**values, updated_at=now())
        .returning(Story)
        .execution_options(populate_existing=True)
    )
    db.session.commit()
    if story is None:
        return False
    events.publish(story)
    return True
