"""One value: from what SQLite stores to what the column of the target takes, or why it does not take it.

Each function makes a converter for one column. A converter gets a value that is not NULL, and returns what
the driver gets or raises UnfitError. The content of a text or a BLOB is never shown: it may be a secret.
"""

import json
import math
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, Literal, NoReturn, TypeVar
from uuid import UUID

from copy_database.databases import Undecodable
from copy_database.report import UnfitError

Converter = Callable[[Any], Any]

# Enough for any number that a database keeps: none may be rounded on the way.
EXACT = Context(prec=100_000, rounding=ROUND_HALF_UP)
# Where SQLAlchemy puts an interval that the database has no type for.
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - stored without a time zone
SHOWN = 40

Moment = TypeVar("Moment", datetime, time)
Parsed = TypeVar("Parsed")


def _show(raw: Any) -> str:
    if isinstance(raw, Undecodable):
        return "a text that is not UTF-8"
    if isinstance(raw, bytes):
        return f"{len(raw)} bytes"
    text = repr(raw)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _wrong(raw: Any, wanted: str, kind: str = "type") -> NoReturn:
    raise UnfitError(kind, f"{_show(raw)} is not {wanted}")


def _parse(read: Callable[[Any], Parsed], raw: Any, wanted: str, kind: str) -> Parsed:
    try:
        return read(raw)
    except (AttributeError, TypeError, ValueError):
        _wrong(raw, wanted, kind)


def _decoded(raw: Any) -> Any:
    if isinstance(raw, Undecodable):
        raise UnfitError("utf-8", f"a text of {len(raw)} bytes is not UTF-8")
    return raw


def boolean(as_type: type[int]) -> Converter:
    """True and false, which are 1 and 0 in SQLite and nothing else; in MariaDB they are numbers as well."""

    def convert(raw: Any) -> int:
        if isinstance(raw, (int, float)) and raw in (0, 1):
            return as_type(raw)
        _wrong(raw, "true or false (1 or 0)", "boolean")

    return convert


def integer(low: int, high: int) -> Converter:
    """A whole number within the column's range."""

    def convert(raw: Any) -> int:
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        if not isinstance(raw, int):
            _wrong(raw, "a whole number")
        if not low <= raw <= high:
            raise UnfitError("range", f"{raw} is not between {low} and {high}")
        return raw

    return convert


def decimal(precision: int | None, scale: int | None) -> Converter:
    """A decimal number. SQLite keeps it as a binary one, of which 15 digits can be trusted."""
    step = Decimal(1).scaleb(-scale) if scale is not None else None
    limit = Decimal(10) ** (precision - (scale or 0)) if precision is not None else None

    def convert(raw: Any) -> Decimal:
        try:
            number = Decimal(f"{raw:.15g}" if isinstance(raw, float) else raw)
        except (InvalidOperation, TypeError, ValueError):
            _wrong(raw, "a number")
        if not number.is_finite():
            _wrong(raw, "a finite number")
        kept = number if step is None else number.quantize(step, context=EXACT)
        if limit is not None and abs(kept) >= limit:
            raise UnfitError("range", f"{_show(raw)} is not below {limit}")
        if kept != number:
            raise UnfitError("decimals", f"{_show(raw)} has more than {scale} decimals", kept)
        return kept

    return convert


def double(*, infinite: bool) -> Converter:
    """A binary number of eight bytes, as SQLite has it."""

    def convert(raw: Any) -> float:
        if not isinstance(raw, (int, float)):
            _wrong(raw, "a number")
        try:
            number = float(raw)
        except OverflowError:
            _wrong(raw, "a number")
        if isinstance(raw, int) and int(number) != raw:
            raise UnfitError("digits", f"{raw} has more digits than the column keeps", number)
        if not infinite and not math.isfinite(number):
            _wrong(raw, "a finite number")
        return number

    return convert


def text(characters: int | None = None, size: int | None = None, *, nul: bool = True) -> Converter:
    """A text of so many characters, or bytes of UTF-8. PostgreSQL knows no NUL character."""

    def convert(raw: Any) -> str:
        if not isinstance(_decoded(raw), str):
            _wrong(raw, "a text")
        if characters is not None and len(raw) > characters:
            raise UnfitError("length", f"{len(raw)} characters, where {characters} fit")
        # Four bytes are the longest character: most texts need no second look.
        if size is not None and len(raw) * 4 > size and len(raw.encode()) > size:
            raise UnfitError("length", f"{len(raw.encode())} bytes, where {size} fit")
        if not nul and "\0" in raw:
            raise UnfitError("nul", "a NUL character, which PostgreSQL does not store")
        return raw

    return convert


def enum(labels: Collection[str]) -> Converter:
    """One of these words."""
    plain = text()

    def convert(raw: Any) -> str:
        word = plain(raw)
        if word not in labels:
            raise UnfitError("enum", f"{_show(word)} is none of {', '.join(sorted(labels))}")
        return str(word)

    return convert


def binary(size: int | None = None, *, fixed: bool = False) -> Converter:
    """Bytes, up to so many, or exactly so many: a database fills up what is shorter."""

    def convert(raw: Any) -> bytes:
        if not isinstance(raw, bytes) or isinstance(raw, Undecodable):
            raise UnfitError("type", f"a value of type {type(raw).__name__}, where bytes (a BLOB) belong")
        if size is not None and (len(raw) > size or (fixed and len(raw) < size)):
            raise UnfitError("length", f"{len(raw)} bytes, where {size} fit")
        return raw

    return convert


def _cut(value: Moment, digits: int) -> Moment:
    """The value with so many digits of a second, as the database would cut it."""
    unit = 10 ** (6 - digits)
    kept = value.replace(microsecond=value.microsecond // unit * unit)
    if kept != value:
        raise UnfitError("fraction", f"{value} has more than {digits} digits of a second", kept)
    return value


def moment(digits: int, zone: Literal["any", "utc"] | None = None) -> Converter:
    """A date with a time. Without a time zone of its own it is UTC in a column that has one."""

    def convert(raw: Any) -> datetime:
        value = _parse(datetime.fromisoformat, raw, "a date with a time", "date")
        if value.tzinfo and zone is None:
            raise UnfitError("offset", f"{raw} has a time zone, and the column has none")
        if zone == "any" and not value.tzinfo:
            value = value.replace(tzinfo=UTC)
        if zone == "utc" and value.tzinfo:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return _cut(value, digits)

    return convert


def day(raw: Any) -> date:
    """A date."""
    return _parse(date.fromisoformat, raw, "a date", "date")


def clock(digits: int) -> Converter:
    """A time of the day."""

    def convert(raw: Any) -> time:
        value = _parse(time.fromisoformat, raw, "a time", "date")
        if value.tzinfo:
            raise UnfitError("offset", f"{raw} has a time zone, and the column has none")
        return _cut(value, digits)

    return convert


_plain_moment = moment(6)


def interval(raw: Any) -> timedelta:
    """A length of time, which SQLAlchemy stores in SQLite as a date that long after 1970."""
    length: timedelta = _plain_moment(raw) - EPOCH
    return length


def document(*, nul: bool) -> Converter:
    """A JSON text. SQLite turns one that is only a number into a number."""

    def convert(raw: Any) -> str:
        value = json.dumps(raw) if isinstance(raw, (int, float)) else _decoded(raw)
        if not isinstance(value, str):
            _wrong(raw, "JSON", "json")
        try:
            json.loads(value, parse_constant=_wrong_constant)
        except (ValueError, RecursionError):
            raise UnfitError("json", f"a text of {len(value)} characters is not JSON") from None
        if not nul and "\\u0000" in value:
            raise UnfitError("nul", "a NUL character in JSON, which PostgreSQL does not store")
        return value

    return convert


def _wrong_constant(word: str) -> NoReturn:
    raise ValueError(word)


def uuid(raw: Any) -> str:
    """A UUID, with or without its dashes."""
    return str(_parse(UUID, raw, "a UUID", "uuid"))


def other(raw: Any) -> Any:
    """A value of a type that is not known here: the target judges it."""
    return _decoded(raw)
