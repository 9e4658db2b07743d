"""What is a transcript, and what is said when something is none."""

import pytest

from transcripts.textfile import TextFileError, Transcript, parse


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"title: One\nextractor: flaky\n\nMara: Hello.\n", Transcript("One", "flaky", "Mara: Hello.")),
        (b"title: One\n\nHello.", Transcript("One", "rules", "Hello.")),
        (b"\xef\xbb\xbfTitle: One\r\n\r\nHello.\r\nBye.\r\n", Transcript("One", "rules", "Hello.\nBye.")),
        (b"Just text.\n\nMore.", Transcript("a.txt", "rules", "Just text.\n\nMore.")),
    ],
)
def test_a_head_is_optional_and_every_line_end_will_do(content: bytes, expected: Transcript) -> None:
    assert parse("a.txt", content) == expected


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00", "a.txt is no UTF-8 text."),
        (b"", "a.txt has no text."),
        (b"title: One", "a.txt has no text."),
        (b"title: One\nauthor: Me\n\nHello.", "neither a title nor an extractor"),
        (b"x" * 200_001, "200000 are allowed"),
        (b"title: " + b"x" * 201 + b"\n\nHello.", "more than 200 characters"),
    ],
)
def test_what_is_no_transcript_is_refused_in_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(TextFileError, match=sentence):
        parse("a.txt", content)
