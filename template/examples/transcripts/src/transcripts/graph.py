"""The graph of a channel: made of what the transcripts say, and asked by the API.

It is joined once for all transcripts because names mean something only together: the Holmes of one
transcript is the Sherlock Holmes of another.
"""

import sqlite3
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

from transcripts.database import reading, writing


class Link(NamedTuple):
    """An edge, with how often it was said."""

    source: str
    verb: str
    target: str
    count: int


class UnknownEntityError(LookupError):
    """The channel has no entity of that name."""


def canonical(names: Iterable[str]) -> dict[str, str]:
    """Gives each name the one that it is stored under.

    A name is short for a longer one that ends with it, or else for one that begins with it, if there is
    exactly one such: Stroud, Amelia Stroud, Judge Amelia Stroud.
    """
    known: dict[str, str] = {}
    for name in sorted(set(names), key=lambda name: (-len(name.split()), name)):
        ending = {known[longer] for longer in known if longer.endswith(f" {name}")}
        beginning = {known[longer] for longer in known if longer.startswith(f"{name} ")}
        meant = ending or beginning
        known[name] = next(iter(meant)) if len(meant) == 1 else name
    return known


def build(channel: str) -> None:
    """Makes the graph of a channel anew from all that its transcripts say. Twice changes nothing."""
    with writing() as db:
        said = db.execute(
            """SELECT name, transcript, count FROM mention JOIN transcript ON id = transcript
               WHERE channel = ?""",
            (channel,),
        ).fetchall()
        relations = db.execute(
            """SELECT source, verb, target, count FROM relation JOIN transcript ON id = transcript
               WHERE channel = ?""",
            (channel,),
        ).fetchall()
        known = canonical(name for name, _, _ in said)
        mentions, places = Counter[str](), defaultdict[str, set[int]](set)
        for name, transcript, count in said:
            mentions[known[name]] += count
            places[known[name]].add(transcript)
        links = Counter[tuple[str, str, str]]()
        for source, verb, target, count in relations:
            if known[source] != known[target]:
                links[known[source], verb, known[target]] += count

        db.execute("DELETE FROM entity WHERE channel = ?", (channel,))
        db.execute("DELETE FROM link WHERE channel = ?", (channel,))
        db.executemany(
            "INSERT INTO entity VALUES (?, ?, ?, ?)",
            [(channel, name, count, len(places[name])) for name, count in mentions.items()],
        )
        db.executemany(
            "INSERT INTO link VALUES (?, ?, ?, ?, ?)", [(channel, *link, n) for link, n in links.items()]
        )


def entities(channel: str, part: str, limit: int) -> list[sqlite3.Row]:
    """Entities with this part in their name, those first that are mentioned most."""
    with reading() as db:
        return db.execute(
            """SELECT name, mentions, transcripts FROM entity
               WHERE channel = ? AND instr(lower(name), lower(?)) ORDER BY mentions DESC, name LIMIT ?""",
            (channel, part, limit),
        ).fetchall()


def _require(db: sqlite3.Connection, channel: str, name: str) -> None:
    if not db.execute("SELECT 1 FROM entity WHERE channel = ? AND name = ?", (channel, name)).fetchone():
        raise UnknownEntityError(f'The channel "{channel}" has no entity "{name}".')


def neighbours(channel: str, name: str) -> list[Link]:
    """All links of an entity, the frequent ones first. Raises UnknownEntityError."""
    with reading() as db:
        _require(db, channel, name)
        rows = db.execute(
            """SELECT source, verb, target, count FROM link WHERE channel = ? AND (source = ? OR target = ?)
               ORDER BY count DESC, source, target, verb""",
            (channel, name, name),
        )
        return [Link(*row) for row in rows]


def path(channel: str, start: str, end: str) -> list[Link] | None:
    """A shortest way between two entities, in either direction of each link; None when there is none.

    Raises UnknownEntityError.
    """
    with reading() as db:
        _require(db, channel, start)
        _require(db, channel, end)
        rows = db.execute(
            "SELECT source, verb, target, count FROM link WHERE channel = ? ORDER BY count DESC", (channel,)
        ).fetchall()
    links = defaultdict[str, list[tuple[str, Link]]](list)
    for link in (Link(*row) for row in rows):
        links[link.source].append((link.target, link))
        links[link.target].append((link.source, link))
    # Breadth first: the way to each entity that was reached.
    ways: dict[str, list[Link]] = {start: []}
    queue = deque([start])
    while queue and end not in ways:
        here = queue.popleft()
        for there, link in links[here]:
            if there not in ways:
                ways[there] = [*ways[here], link]
                queue.append(there)
    return ways.get(end)
