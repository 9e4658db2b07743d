"""From documents and a question to what a briefing consists of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.reading.index import SENTENCES_LIMIT, Floats, Index
from agent.reading.text import Sentence, split_sentences

Progress = Callable[[str, int], None]

SOURCES = 5
SUMMARY = 4
KEYWORDS = 8
# A passage may tell a little more than the sentence that was found.
NEIGHBOUR = 0.35


class NothingToReadError(Exception):
    """No document has a sentence in it."""


@dataclass(frozen=True)
class Passage:
    """A place in a document that has to do with the question."""

    document: str
    sentence: int
    text: str
    score: float


@dataclass(frozen=True)
class Reading:
    """What the documents say."""

    passages: list[Passage]
    summary: list[str]
    keywords: list[str]
    sentences: int
    left_out: int


def read(documents: Sequence[tuple[str, str]], question: str, progress: Progress) -> Reading:
    """Reads documents, given as names and texts. Raises NothingToReadError."""
    sentences = [sentence for name, text in documents for sentence in split_sentences(name, text)]
    if not sentences:
        raise NothingToReadError("The documents have no sentence in them.")
    progress("indexing", 10)
    index = Index(sentences)
    progress("ranking", 20)
    ranks = index.ranks(lambda part: progress("ranking", 20 + round(60 * part)))
    progress("choosing", 85)
    # What has to do with the question; among those, rather what matters to the whole.
    likeness = index.likeness(question)
    found = index.varied(likeness * (1 + ranks / ranks.max()), SOURCES, novelty=0.3)
    return Reading(
        passages=[passage(index, number, likeness) for number in found],
        # In the order of the documents, so that it can be read.
        summary=[index.sentences[number].text for number in sorted(index.varied(ranks, SUMMARY))],
        keywords=index.keywords(KEYWORDS),
        sentences=len(index.sentences),
        left_out=max(0, len(sentences) - SENTENCES_LIMIT),
    )


def passage(index: Index, number: int, likeness: Floats) -> Passage:
    """A sentence, with the next one where that still speaks of the question."""
    sentence = index.sentences[number]
    text = sentence.text
    following: Sentence | None = index.sentences[number + 1] if number + 1 < len(index.sentences) else None
    if (
        following
        and following.document == sentence.document
        and likeness[number + 1] >= NEIGHBOUR * likeness[number]
    ):
        text += f" {following.text}"
    return Passage(sentence.document, sentence.number, text, round(float(likeness[number]), 4))
