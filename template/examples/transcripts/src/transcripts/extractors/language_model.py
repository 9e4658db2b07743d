"""Language-model services, which need an account. A stub that says where the call belongs."""

from collections.abc import Callable

from transcripts.extractors.base import Extraction, ExtractorError
from transcripts.settings import settings


class LanguageModel:
    """One service, known by its name in the settings."""

    def __init__(self, service: str) -> None:
        self.service = service

    def extract(self, text: str, key: str, progress: Callable[[int], None]) -> Extraction:  # noqa: ARG002
        """Would send the text to the service, with the key as its idempotency key."""
        if not settings().api_keys[self.service]:
            raise ExtractorError(f"{self.service.upper()}_API_KEY is not set.")
        # Here belongs the request. A time-out or an answer of 429 or 5xx becomes an UnavailableError.
        raise ExtractorError(f"The call to {self.service} is not part of this example.")
