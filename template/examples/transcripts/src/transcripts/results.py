"""Where Celery keeps results and counts the tasks of a chord."""

from typing import Any

from celery.backends.redis import RedisBackend
from celery.result import AsyncResult


class PatientRedis(RedisBackend):
    """Redis that may be away for a while, and of which nobody waits for a result.

    Celery tries again to store a result (result_backend_always_retry), but not to count it for its
    chord: a task that had done its work then counted as failed, and the graph was never built.
    """

    def on_chord_part_return(self, request: Any, state: str, result: Any, *_: Any, **__: Any) -> None:
        """Counts a task, for as long as it takes. It becomes a member of a set, so twice is once."""
        self.ensure(super().on_chord_part_return, (request, state, result), max_retries=None)

    def on_task_call(self, *_: Any, **__: Any) -> None:
        """Does not listen. Who sends a task would, and fail at the next one after Redis was away."""

    def add_pending_result(self, result: AsyncResult, *_: Any, **__: Any) -> AsyncResult:
        """Does not listen either: a chord does it once more for each of its tasks."""
        return result
