"""Cutting a story into pieces that a narrator can take at once."""

import re

CHUNK_LIMIT = 600  # characters

# After a full stop and the like, with closing quotes, or at an empty line.
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|\n\s*\n")


def split(text: str, limit: int = CHUNK_LIMIT) -> list[str]:
    """Whole sentences, as many to a chunk as fit; only a longer sentence is cut at a space."""
    chunks: list[str] = []
    for piece in _pieces(text, limit):
        if chunks and len(chunks[-1]) + 1 + len(piece) <= limit:
            chunks[-1] += f" {piece}"
        else:
            chunks.append(piece)
    return chunks


def _pieces(text: str, limit: int) -> list[str]:
    return [piece for sentence in _sentences(text) for piece in _cut(sentence, limit)]


def _sentences(text: str) -> list[str]:
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    parts = (text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True))
    # Line breaks inside of a sentence are the author's layout, not pauses.
    return [sentence for part in parts if (sentence := " ".join(part.split()))]


def _cut(sentence: str, limit: int) -> list[str]:
    pieces: list[str] = []
    while len(sentence) > limit:
        space = sentence.rfind(" ", 0, limit + 1)
        cut = space if space > 0 else limit  # one endless word
        pieces.append(sentence[:cut])
        sentence = sentence[cut:].lstrip()
    return [*pieces, sentence] if sentence else pieces
