"""Who speaks the stories: one interface, several services."""

from collections.abc import Mapping
from typing import Any

from stories.narrators.base import Narrator, NarratorError
from stories.narrators.cartesia import Cartesia
from stories.narrators.elevenlabs import ElevenLabs
from stories.narrators.espeak import Espeak

__all__ = ["Narrator", "NarratorError", "choose"]


def choose(config: Mapping[str, Any]) -> Narrator:
    """The narrator that NARRATOR names, else the service whose key is set, else espeak."""
    keys = {"elevenlabs": "ELEVENLABS_API_KEY", "cartesia": "CARTESIA_API_KEY"}
    name = config["NARRATOR"] or next((name for name, key in keys.items() if config[key]), "espeak")
    match name:
        case "espeak":
            return Espeak()
        case "elevenlabs":
            return ElevenLabs(config["ELEVENLABS_API_KEY"])
        case "cartesia":
            return Cartesia(config["CARTESIA_API_KEY"])
    raise NarratorError(f"There is no narrator “{name}”: set NARRATOR to espeak, or to nothing.")
