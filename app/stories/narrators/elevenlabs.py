"""ElevenLabs: the place for the real call. That takes an account, so nothing is pretended here."""

from stories.narrators.base import NarratorError


class ElevenLabs:
    def __init__(self, api_key: str) -> None:
        self.api_key = api_key

    def narrate(self, text: str) -> bytes:
        raise NarratorError(
            "The ElevenLabs narrator is a stub: write its call in stories/narrators/elevenlabs.py, "
            "or unset ELEVENLABS_API_KEY (and NARRATOR) to narrate with espeak."
        )
