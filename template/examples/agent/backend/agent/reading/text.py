"""From text to sentences and terms."""

import re
from dataclasses import dataclass
from itertools import pairwise

# Words that say nothing about what a sentence is about.
STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each few for from further had has have
    having he her here hers him his how i if in into is it its itself just may me might more most must
    my no nor not now of off on once only or other our out over own per said same she should so some
    such than that the their them then there these they this those through to too under until up upon
    very was we were what when where which while who whom why will with would you your""".split()  # noqa: SIM905 words are read more easily as a text
)

ABBREVIATIONS = (
    "dr",
    "mr",
    "mrs",
    "ms",
    "prof",
    "st",
    "no",
    "vs",
    "e.g",
    "i.e",
    "etc",
    "fig",
    "approx",
    "dept",
)

WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
# Of English words, the longest first. What is left has to be three letters.
ENDINGS = (
    "ations",
    "ation",
    "ingly",
    "ments",
    "ment",
    "ings",
    "edly",
    "ing",
    "ies",
    "ers",
    "ed",
    "er",
    "es",
    "ly",
    "s",
)

SHORTEST = 4  # words; a heading is no sentence


@dataclass(frozen=True)
class Sentence:
    """One sentence and where it stands."""

    document: str
    number: int
    text: str


def split_sentences(document: str, text: str) -> list[Sentence]:
    """The sentences of a document, in order."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*#]|\d+\.)\s)", text):
        flat = re.sub(r"^[#>*\-\s]+", "", " ".join(paragraph.split()))
        start = len(found)
        for piece in SENTENCE_END.split(flat):
            # "Dr. Winter" is not the end of a sentence.
            if len(found) > start and found[-1].rstrip(".").rpartition(" ")[2].lower() in ABBREVIATIONS:
                found[-1] += f" {piece}"
            elif piece:
                found.append(piece)
    kept = [text for text in found if len(WORD.findall(text.lower())) >= SHORTEST]
    return [Sentence(document, number, text) for number, text in enumerate(kept, start=1)]


def stem(word: str) -> str:
    """A word without its ending, so that "tides" and "tide" are one term."""
    word = word.partition("'")[0]
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] in "ey":  # noqa: PLR2004 tide and tid(ing), harbour(y)
        word = word[:-1]
    return word


def terms(text: str) -> list[str]:
    """What a sentence is about: its words without endings, and the pairs of words that stand together."""
    words = [stem(word) for word in WORD.findall(text.lower()) if word not in STOP_WORDS]
    return words + [f"{first} {second}" for first, second in pairwise(words)]
