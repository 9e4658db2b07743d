"""The extractors, by the name under which a transcript asks for one."""

from collections.abc import Callable

from transcripts.extractors.base import Extractor
from transcripts.extractors.drills import Broken, Flaky
from transcripts.extractors.language_model import LanguageModel
from transcripts.extractors.rules import Rules

EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    "rules": Rules,
    "anthropic": lambda: LanguageModel("anthropic"),
    "openai": lambda: LanguageModel("openai"),
    "flaky": Flaky,
    "broken": Broken,
}
