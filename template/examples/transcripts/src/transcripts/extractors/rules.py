"""Names and relations by a few rules, without a model.

A name is a run of capitalised words. Two names in one sentence with a verb between them are a relation;
without a verb they are at least mentioned together.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from transcripts.extractors.base import Extraction, Relation
from transcripts.settings import settings

TOGETHER = "with"  # the verb of names that only stand together
REACH = 8  # words between two names beyond which a verb says nothing about both

SPEAKER = re.compile(r"^[A-Z][\w .-]{0,40}:\s+")
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)\s+")
WORD = re.compile(r"\w[\w-]*")
REGULAR = re.compile(r"(?!hundred)[a-z]{2,}[^e]ed")

# Words that begin a sentence, and so are capitalised without being names.
PLAIN = frozenset(
    """a after all also although an and another are as at because before both but by can come did do
    each even every for from had has have he her here his how if in is it its just last later let
    like listen many maybe my never no nobody not nothing now of on once one only or our out over
    perhaps she since so some somebody still thank that the their then there these they this those
    though three to today tonight two under until up was we welcome well were what when where which
    while who whose why will with without yes yet you your""".split()
)
VERBS = frozenset(
    """bought brought built came found gave grew held hid keeps kept knew knows led left lent lost made met
    owns owes pays paid runs sailed saw sells sent sold spoke stole swore taught told took was went won
    wrote writes""".split()
)


@dataclass(frozen=True)
class Name:
    """A name in a sentence, and which of its words it takes."""

    text: str
    first: int
    last: int


def is_verb(word: str) -> bool:
    """Irregular ones are known, regular ones end like a past."""
    return word in VERBS or REGULAR.fullmatch(word) is not None


def sentences(line: str) -> list[str]:
    """The sentences of a line, without who says them."""
    return SENTENCE_END.split(SPEAKER.sub("", line))


def names(sentence: str, ordinary: frozenset[str]) -> Iterator[Name]:
    """Runs of capitalised words; "of" may stand inside. Ordinary words are none at the beginning."""
    words = list(WORD.finditer(sentence))

    def is_capital(index: int) -> bool:
        word = words[index].group()
        if len(word) == 1 or not word[0].isupper():
            return False
        return index > 0 or word.lower() not in ordinary

    def touches(index: int) -> bool:
        between = sentence[words[index - 1].end() : words[index].start()]
        return between == " " or (between == ". " and words[index - 1].group() in {"Mr", "Mrs", "Dr", "St"})

    index = 0
    while index < len(words):
        if not is_capital(index):
            index += 1
            continue
        first = index
        while index + 1 < len(words) and touches(index + 1):
            if is_capital(index + 1):
                index += 1
            elif words[index + 1].group() == "of" and index + 2 < len(words) and is_capital(index + 2):
                index += 2
            else:
                break
        yield Name(sentence[words[first].start() : words[index].end()], first, index)
        index += 1


def relation(before: Name, after: Name, words: list[str]) -> Relation:
    """What the words between two neighbouring names make of them."""
    between = [word.lower() for word in words[before.last + 1 : after.first]]
    verbs = [index for index, word in enumerate(between) if is_verb(word)] if len(between) <= REACH else []
    if not verbs:
        # The same pair in the other order is the same.
        first, second = sorted((before.text, after.text))
        return Relation(first, TOGETHER, second)
    # "was taught by": the verb that means something is the last one, and the second name acts.
    verb = between[verbs[-1]]
    if between[verbs[-1] + 1 :][:1] == ["by"]:
        return Relation(after.text, verb, before.text)
    return Relation(before.text, verb, after.text)


class Rules:
    """The default: needs no account, and finds the same every time."""

    def extract(self, text: str, key: str, progress: Callable[[int], None]) -> Extraction:  # noqa: ARG002
        """Reads line by line."""
        found = Extraction()
        # A word that the text has in small letters too is no name for standing at a beginning.
        ordinary = PLAIN | {word for word in WORD.findall(text) if word.islower()}
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            for sentence in sentences(line):
                inside = list(names(sentence, ordinary))
                found.mentions.update(name.text for name in inside)
                words = WORD.findall(sentence)
                for before, after in pairwise(inside):
                    if before.text != after.text:
                        found.relations[relation(before, after, words)] += 1
            time.sleep(settings().extractor_pause)
            progress(100 * number // len(lines))
        return found
