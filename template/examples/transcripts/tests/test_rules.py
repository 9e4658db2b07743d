"""What the rules find, sentence by sentence."""

import pytest

from transcripts.extractors.rules import Rules


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("The town hired Ada Winter.", {"Ada Winter"}),
        ("Mara: Winter's lamp, and the Bishop of Thornby.", {"Winter", "Bishop of Thornby"}),
        ("Dr. Élodie Noël met Ødegård.", {"Dr. Élodie Noël", "Ødegård"}),
        ("Oil burns. I saw oil.", set()),
        ("They met Ada, Elias and Nora Finch.", {"Ada", "Elias", "Nora Finch"}),
        ("", set()),
    ],
)
def test_a_name_is_a_run_of_capitalised_words(text: str, mentions: set[str]) -> None:
    assert set(Rules().extract(text, "", lambda _: None).mentions) == mentions


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("Ada Winter met Elias Orr.", ("Ada Winter", "met", "Elias Orr")),
        ("The lamp that Vane sold was repaired by Pike.", ("Pike", "repaired", "Vane")),
        ("There stood Winter and Orr.", ("Orr", "with", "Winter")),
        (
            "Winter met a man who once had a ship and a house near Thornby.",
            ("Thornby", "with", "Winter"),
        ),
    ],
)
def test_a_verb_between_two_names_relates_them(text: str, relation: tuple[str, str, str]) -> None:
    assert set(Rules().extract(text, "", lambda _: None).relations) == {relation}


def test_names_of_different_sentences_are_not_related() -> None:
    assert not Rules().extract("Winter slept. Orr sailed.", "", lambda _: None).relations


def test_progress_ends_at_a_hundred() -> None:
    told: list[int] = []
    Rules().extract("One.\nTwo.\nThree.", "", told.append)
    assert told == [33, 66, 100]
