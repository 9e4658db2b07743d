"""Joining what the transcripts say, and asking."""

import pytest

from transcripts import graph, jobs
from transcripts.database import reading
from transcripts.extractors.rules import Rules
from transcripts.textfile import Transcript


def tell(channel: str, *texts: str) -> None:
    """Stores what these transcripts say, and builds the graph."""
    transcripts = [Transcript(f"{number}", "rules", text) for number, text in enumerate(texts)]
    job = jobs.create(channel, transcripts)
    for number, text in zip(jobs.content(job)[1], texts, strict=True):
        jobs.begin(job, number)
        jobs.complete(job, number, Rules().extract(text, "", lambda _: None))
    graph.build(channel)


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ({"Winter", "Ada Winter"}, {"Winter": "Ada Winter"}),
        ({"Ada", "Ada Winter"}, {"Ada": "Ada Winter"}),
        ({"Vane", "Thomas Vane", "Vane Company"}, {"Vane": "Thomas Vane"}),
        (
            {"Stroud", "Amelia Stroud", "Judge Amelia Stroud"},
            {"Stroud": "Judge Amelia Stroud", "Amelia Stroud": "Judge Amelia Stroud"},
        ),
        ({"Orr", "Elias Orr", "Anna Orr"}, {"Orr": "Orr"}),
        ({"Ann", "Mary-Ann"}, {"Ann": "Ann"}),
    ],
)
def test_a_name_that_is_short_for_one_other_is_stored_as_that(names: set[str], known: dict[str, str]) -> None:
    assert graph.canonical(names).items() >= known.items()


def test_a_short_name_is_understood_from_another_transcript() -> None:
    tell("c", "They hired Ada Winter.", "Later Winter met Elias Orr.")
    assert [dict(row) for row in graph.entities("c", "winter", 5)] == [
        {"name": "Ada Winter", "mentions": 2, "transcripts": 2}
    ]
    assert graph.neighbours("c", "Ada Winter") == [("Ada Winter", "met", "Elias Orr", 1)]


def test_a_path_takes_links_in_both_directions_and_is_a_shortest_one() -> None:
    tell("c", "Ann met Bob.", "Carl met Bob.", "Ann met Eve. Eve met Fay. Fay met Carl.")
    assert graph.path("c", "Ann", "Carl") == [("Ann", "met", "Bob", 1), ("Carl", "met", "Bob", 1)]
    assert graph.path("c", "Ann", "Ann") == []


def test_without_a_way_there_is_no_path_and_a_stranger_is_named() -> None:
    tell("c", "Ann met Bob.", "Carl met Dora.")
    assert graph.path("c", "Ann", "Dora") is None
    with pytest.raises(graph.UnknownEntityError, match="Zoe"):
        graph.path("c", "Ann", "Zoe")


def test_building_twice_changes_nothing_and_channels_are_apart() -> None:
    tell("one", "Ann met Bob.")
    tell("two", "Carl met Dora.")
    with reading() as db:
        before = [tuple(row) for row in db.execute("SELECT * FROM link")]
    graph.build("one")
    with reading() as db:
        assert [tuple(row) for row in db.execute("SELECT * FROM link")] == before
    assert [row["name"] for row in graph.entities("one", "", 9)] == ["Ann", "Bob"]
