"""The sentences as vectors: TF-IDF, cosines, and the rank of each sentence among all (LexRank)."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.reading.text import Sentence, terms

Floats = NDArray[np.float32]
Report = Callable[[float], None]

# What bounds memory: sentences by terms and sentences by sentences, four bytes each.
SENTENCES_LIMIT = 6000
TERMS_LIMIT = 4096

# Sentences less alike than this are not neighbours.
ALIKE = 0.08
DAMPING = 0.85
BLOCK = 256  # rows at a time, so that progress can be told


class Index:
    """Sentences, and for each a vector of length one."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self.sentences = list(sentences[:SENTENCES_LIMIT])
        counts = [Counter(terms(sentence.text)) for sentence in self.sentences]
        frequency: Counter[str] = Counter()
        for count in counts:
            frequency.update(count.keys())
        # By frequency, then by name: the same texts give the same vectors.
        chosen = sorted(frequency.items(), key=lambda item: (-item[1], item[0]))[:TERMS_LIMIT]
        self.vocabulary = {term: column for column, (term, _) in enumerate(chosen)}
        documents = np.array([count for _, count in chosen], dtype=np.float32)
        self.weights: Floats = np.log((1 + len(counts)) / (1 + documents)).astype(np.float32) + 1
        self.vectors: Floats = np.vstack([self._vector(count) for count in counts])

    def _vector(self, count: Counter[str]) -> Floats:
        vector = np.zeros(len(self.vocabulary), dtype=np.float32)
        for term, times in count.items():
            if (column := self.vocabulary.get(term)) is not None:
                vector[column] = (1 + np.log(times)) * self.weights[column]
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector

    def likeness(self, text: str) -> Floats:
        """How much each sentence is about the same as a text, from 0 to 1."""
        return self.vectors @ self._vector(Counter(terms(text)))

    def ranks(self, report: Report = lambda _: None) -> Floats:
        """How much each sentence says about the whole: what many others are like, and those many others.

        This is where the time goes: every sentence is held against every other one.
        """
        size = len(self.sentences)
        alike = np.empty((size, size), dtype=np.float32)
        for start in range(0, size, BLOCK):
            rows = self.vectors[start : start + BLOCK] @ self.vectors.T
            rows[rows < ALIKE] = 0
            alike[start : start + BLOCK] = rows
            report(min(1.0, (start + BLOCK) / size))
        np.fill_diagonal(alike, 0)
        total = alike.sum(axis=1, keepdims=True)
        # One without neighbours speaks of all of them a little.
        np.divide(alike, total, out=alike, where=total > 0)
        alike[total[:, 0] == 0] = 1 / size
        rank = np.full(size, 1 / size, dtype=np.float32)
        for _ in range(100):
            following = (1 - DAMPING) / size + DAMPING * (rank @ alike)
            settled = float(np.abs(following - rank).sum()) < 1e-6  # noqa: PLR2004
            rank = following
            if settled:
                break
        return rank

    def varied(self, scores: Floats, count: int, novelty: float = 0.5) -> list[int]:
        """The best sentences that do not say the same again (maximal marginal relevance)."""
        top = float(scores.max(initial=0)) or 1
        scaled = scores / top
        redundant = np.zeros(len(scores), dtype=np.float32)
        chosen: list[int] = []
        while len(chosen) < min(count, len(scores)):
            worth = (1 - novelty) * scaled - novelty * redundant
            worth[chosen] = -np.inf
            best = int(np.argmax(worth))
            if scaled[best] <= 0:
                break
            chosen.append(best)
            redundant = np.maximum(redundant, self.vectors @ self.vectors[best])
        return chosen

    def keywords(self, count: int) -> list[str]:
        """The terms with the most weight over all sentences."""
        weight = self.vectors.sum(axis=0)
        names = list(self.vocabulary)
        order = sorted(range(len(names)), key=lambda column: (-float(weight[column]), names[column]))
        return [names[column] for column in order[:count]]
