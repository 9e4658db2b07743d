"""Extractors for a fire drill: they fail the way a service on the network does.

A transcript asks for one by name, so nobody gets them by accident.
"""

from collections.abc import Callable

from redis import Redis

from transcripts.extractors.base import Extraction, UnavailableError
from transcripts.extractors.rules import Rules
from transcripts.settings import settings


class Flaky:
    """Times out on the first two calls for the same key, and answers the third."""

    FAILURES = 2

    def extract(self, text: str, key: str, progress: Callable[[int], None]) -> Extraction:
        """Counts the call where a restart of the worker does not forget it, as a real service would."""
        with Redis.from_url(settings().redis_url) as redis:
            call = redis.incr(f"transcripts:flaky:{key}")
            redis.expire(f"transcripts:flaky:{key}", 3600)
        if call <= self.FAILURES:
            raise UnavailableError("The extractor did not answer in time.")
        return Rules().extract(text, key, progress)


class Broken:
    """Never answers."""

    def extract(self, text: str, key: str, progress: Callable[[int], None]) -> Extraction:  # noqa: ARG002
        """Raises UnavailableError at every call."""
        raise UnavailableError("The extractor does not answer.")
