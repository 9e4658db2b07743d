"""The report of a job: Markdown, for people."""

from typing import Any


def quoted(text: str) -> str:
    """Text from a document that is no Markdown."""
    for character in "\\`*_[]<>#|":
        text = text.replace(character, f"\\{character}")
    return text


def source_line(number: int, source: dict[str, Any]) -> str:
    """Where a passage is from, and what it says."""
    place = f"{quoted(source['document'])}, sentence {source['sentence']}"
    return f"{number}. {place} ({source['score']:.2f}): {quoted(source['text'])}"


def markdown(question: str, briefing: dict[str, Any]) -> str:
    """A briefing as a page."""
    sources = [source_line(number, source) for number, source in enumerate(briefing["sources"], start=1)]
    return "\n".join(
        [
            f"# {quoted(question)}",
            "",
            quoted(briefing["answer"]),
            "",
            "## Sources",
            "",
            *(sources or ["None."]),
            "",
            "## What the documents say as a whole",
            "",
            *(f"- {quoted(sentence)}" for sentence in briefing["summary"]),
            "",
            f"Keywords: {quoted(', '.join(briefing['keywords']))}",
            "",
            f"Read: {briefing['sentences']} sentences. Answered by: {briefing['model']}.",
            "",
        ]
    )
