"""The answer without a provider: the documents' own words."""

from collections.abc import Sequence

from agent.reading.briefing import Passage

# Cosine with the question below which a passage is chance.
RELEVANT = 0.12
MOST = 3


class LocalAnswerer:
    """Quotes the passages that answer best, each with its source."""

    name = "local"

    def answer(self, question: str, passages: Sequence[Passage]) -> str:
        """The best passages, or that there are none."""
        best = [passage for passage in passages if passage.score >= RELEVANT][:MOST]
        if not best:
            return f"The documents do not say anything about: {question}"
        return " ".join(f"{passage.text} [{passage.document}, {passage.sentence}]" for passage in best)
