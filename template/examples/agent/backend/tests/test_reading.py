"""What is read out of documents."""

import numpy as np
import pytest

from agent.reading.briefing import NothingToReadError, Reading, read
from agent.reading.index import Index
from agent.reading.text import Sentence, split_sentences, stem, terms


def reading_of(documents: list[tuple[str, bytes]], question: str) -> Reading:
    return read([(name, content.decode()) for name, content in documents], question, lambda *_: None)


def test_sentences_end_where_they_end_and_not_at_a_title_or_a_saint() -> None:
    found = split_sentences(
        "a",
        'Dr. Marsh built it. "It stands," she said. It faces St. Brannock today.\n\n'
        "# Title\n\nAnd so it is here",
    )
    assert [(sentence.number, sentence.text) for sentence in found] == [
        (1, "Dr. Marsh built it."),
        (2, '"It stands," she said.'),
        (3, "It faces St. Brannock today."),
        (4, "And so it is here"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("dredging", "dredged"),
        ("tides", "tide"),
        ("fees", "fee"),
        ("keepers", "keeper"),
        ("visits", "visiting"),
    ],
)
def test_forms_of_one_word_are_one_term(words: tuple[str, str]) -> None:
    assert stem(words[0]) == stem(words[1])


def test_pairs_of_words_are_terms_and_words_without_meaning_are_not() -> None:
    assert terms("The harbour and the town") == ["harbour", "town", "harbour town"]


@pytest.mark.parametrize(
    ("question", "document", "words"),
    [
        ("Who designed the breakwater?", "1-harbour.txt", "Helena Marsh"),
        ("How far can the beam of the lantern be seen?", "2-lighthouse.txt", "nineteen miles"),
        ("What did the council decide about the fees for yachts?", "3-council.txt", "by a tenth"),
        (
            "Why was the tower painted in red and white bands?",
            "2-lighthouse.txt",
            "mistaken it for the church",
        ),
    ],
)
def test_the_passage_that_answers_is_found(
    documents: list[tuple[str, bytes]], question: str, document: str, words: str
) -> None:
    passages = reading_of(documents, question).passages
    answering = [passage for passage in passages[:2] if words in passage.text]
    assert [passage.document for passage in answering] == [document]


def test_the_summary_says_what_several_documents_speak_of_and_each_thing_once(
    documents: list[tuple[str, bytes]],
) -> None:
    summary = " ".join(reading_of(documents, "What is it about?").summary)
    assert "dredging" in summary.lower()
    assert "fees" in summary
    twice = reading_of(documents + documents, "What is it about?").summary
    assert len(twice) == len(set(twice))


def test_the_same_documents_give_the_same_reading(documents: list[tuple[str, bytes]]) -> None:
    assert reading_of(documents, "What about the fees?") == reading_of(documents, "What about the fees?")


def test_ranks_are_shares_of_one_also_for_sentences_without_neighbours() -> None:
    texts = ["Red fish swim in water", "Red fish swim in rivers", "Clocks measure elapsed seconds"]
    ranks = Index([Sentence("a", number, text) for number, text in enumerate(texts)]).ranks()
    assert np.isclose(ranks.sum(), 1, atol=1e-4)
    assert ranks[2] < ranks[0]


def test_progress_only_grows(documents: list[tuple[str, bytes]]) -> None:
    seen: list[int] = []
    read(
        [(name, content.decode()) for name, content in documents],
        "fees",
        lambda _, percent: seen.append(percent),
    )
    assert seen == sorted(seen)
    assert seen[-1] >= 80


def test_documents_without_a_sentence_are_refused() -> None:
    with pytest.raises(NothingToReadError):
        read([("list.txt", "one\n\ntwo\n\nthree")], "What is it?", lambda *_: None)
