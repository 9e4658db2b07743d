"""The text files that are handed in: a head of ``name: value`` lines, an empty line, the transcript."""

from dataclasses import dataclass

TITLE_LIMIT = 200
TEXT_LIMIT = 200_000  # characters: about twenty hours of talk


class TextFileError(ValueError):
    """The file is no transcript. The message is a sentence for whoever handed it in."""


@dataclass(frozen=True)
class Transcript:
    """One file that was handed in."""

    title: str
    extractor: str
    text: str


def parse(name: str, content: bytes) -> Transcript:
    """Reads a file. Without a head, the file's name is the title. Raises TextFileError."""
    try:
        lines = content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        raise TextFileError(f"{name} is no UTF-8 text.") from None
    head: dict[str, str] = {}
    if lines[0].lower().startswith("title:"):
        end = lines.index("") if "" in lines else len(lines)
        for line in lines[:end]:
            key, colon, value = line.partition(":")
            if not colon or key.lower() not in {"title", "extractor"}:
                raise TextFileError(f'{name}: "{line[:60]}" in its head is neither a title nor an extractor.')
            head[key.lower()] = value.strip()
        lines = lines[end:]
    title, text = head.get("title") or name, "\n".join(lines).strip()
    if not text:
        raise TextFileError(f"{name} has no text.")
    if len(text) > TEXT_LIMIT:
        raise TextFileError(
            f"{name} has {len(text)} characters, {TEXT_LIMIT} are allowed. Hand it in as parts."
        )
    if len(title) > TITLE_LIMIT:
        raise TextFileError(f"{name}: its title has more than {TITLE_LIMIT} characters.")
    return Transcript(title, head.get("extractor") or "rules", text)
