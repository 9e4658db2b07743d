"""Cutting texts into chunks."""

import pytest

from stories.text import split


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        pytest.param("One.", ["One."], id="one sentence"),
        pytest.param("One. Two.", ["One. Two."], id="two that fit"),
        pytest.param("One two three. Four.", ["One two three.", "Four."], id="two that do not fit"),
        pytest.param("One\ntwo.", ["One two."], id="a line break is layout"),
        pytest.param("A title\n\nOnce upon.", ["A title", "Once upon."], id="an empty line ends"),
        pytest.param('"No!" She left it.', ['"No!"', "She left it."], id="closing quote"),
        pytest.param("Version 1.2 is out", ["Version 1.2 is", "out"], id="a number is no end"),
        pytest.param("aaaa bbbb cccc dddd", ["aaaa bbbb cccc", "dddd"], id="cut at a space"),
        pytest.param("a" * 40, ["a" * 16, "a" * 16, "a" * 8], id="one endless word"),
        pytest.param("…", ["…"], id="nothing but an ellipsis"),
        pytest.param("Наконец. Да.", ["Наконец. Да."], id="any script"),
    ],
)
def test_split(text: str, chunks: list[str]) -> None:
    assert split(text, limit=16) == chunks


@pytest.mark.parametrize("limit", [1, 7, 60, 600])
def test_split_loses_no_word_and_keeps_the_limit(limit: int) -> None:
    text = "It was late. The fox slept; the hen did not!\n\n“Why?” asked nobody… " * 20
    chunks = split(text, limit)
    assert "".join("".join(chunks).split()) == "".join(text.split())
    assert max(map(len, chunks)) <= limit
