"""Converts one value from what SQLite stores to what a column of the target takes, or says why not.

Each function gets a value that is not NULL. It returns what the driver gets, or raises UnfitError. It also
converts what the target gives back to the same value, so that the hashes of both sides can be compared.
The content of a text or a BLOB is never shown: it may be a secret.
"""

import json
import math
import struct
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

# Enough for any number that a database keeps: none may be rounded on the way.
EXACT = Context(prec=100_000, rounding=ROUND_HALF_UP)
# If a database has no type for intervals, SQLAlchemy stores them as a date that long after this one.
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - stored without a time zone
SHOWN = 40


class Undecodable(bytes):
    """A text that is not UTF-8. Python's own driver would stop at the first one."""

    __slots__ = ()


class UnfitError(Exception):
    """A value that its column in the target would refuse or change.

    ``kind`` is a word of README.md. ``rounded`` is what the column keeps of a value that is only too exact.
    """

    def __init__(self, kind: str, text: str, rounded: Any = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.rounded = rounded


def _show(raw: Any) -> str:
    if isinstance(raw, bytes):
        return f"a value of {len(raw)} bytes"
    shown = repr(raw)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"


def _wrong(raw: Any, wanted: str, kind: str = "type") -> UnfitError:
    return UnfitError(kind, f"{_show(raw)} is not {wanted}")


def anything(raw: Any) -> Any:
    """A value of a type that is not known here: the target decides whether it takes it."""
    if isinstance(raw, Undecodable):
        raise UnfitError("utf-8", f"a text of {len(raw)} bytes is not UTF-8")
    return raw


def boolean(raw: Any, as_type: type[int] = bool) -> int:
    """True and false: in SQLite only 1 and 0 count as such; in MariaDB they are numbers as well."""
    if isinstance(raw, (int, float)) and raw in (0, 1):
        return as_type(raw)
    raise _wrong(raw, "true or false (1 or 0)", "boolean")


def integer(raw: Any, low: int, high: int) -> int:
    """A whole number within the column's range."""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if not isinstance(raw, int):
        raise _wrong(raw, "a whole number")
    if not low <= raw <= high:
        raise UnfitError("range", f"{raw} is not between {low} and {high}")
    return raw


def decimal(raw: Any, step: Decimal | None = None) -> Decimal:
    """A decimal number. SQLite stores it as a binary one, whose first 15 digits can be trusted."""
    try:
        number = Decimal(f"{raw:.15g}" if isinstance(raw, float) else raw)
        # Without the sign of zero, which databases do not keep.
        kept = EXACT.plus(number if step is None else number.quantize(step, context=EXACT))
    except (InvalidOperation, TypeError, ValueError):
        raise _wrong(raw, "a number") from None
    if not kept.is_finite():
        raise _wrong(raw, "a finite number")
    if kept != number:
        raise UnfitError("decimals", f"{_show(raw)} is more exact than {step}", kept)
    return kept


def floating(raw: Any, *, single: bool = False) -> float:
    """A binary number of eight bytes, as in SQLite, or of four, of which MariaDB prints six digits."""
    if not isinstance(raw, (int, float)):
        raise _wrong(raw, "a number")
    try:
        kept = float(f"{raw:.6g}") if single else float(raw)
        struct.pack("<f" if single else "<d", kept)
    except OverflowError:
        raise UnfitError("range", f"{_show(raw)} is too large for the column") from None
    if kept != raw and not math.isnan(raw):
        raise UnfitError("digits", f"{raw!r} has more digits than the column keeps", kept)
    # Without the sign of zero, which some databases do not keep.
    return kept + 0.0


def text(raw: Any, characters: int | None = None, *, nul: bool = True, padded: bool = False) -> str:
    """A text of at most ``characters``. PostgreSQL stores no NUL character."""
    if not isinstance(anything(raw), str):
        raise _wrong(raw, "a text")
    if characters is not None and len(raw) > characters:
        raise UnfitError("length", f"{len(raw)} characters, where {characters} fit")
    if not nul and "\0" in raw:
        raise UnfitError("nul", "a NUL character, which PostgreSQL does not store")
    # Blanks at the end of a CHAR mean nothing: PostgreSQL adds them, MariaDB takes them away.
    return raw.rstrip(" ") if padded else str(raw)


def binary(raw: Any, size: int | None = None) -> bytes:
    """Bytes, at most ``size`` of them."""
    if not isinstance(raw, (bytes, memoryview)) or isinstance(raw, Undecodable):
        raise UnfitError("type", f"a value of type {type(raw).__name__}, where bytes (a BLOB) belong")
    if size is not None and len(raw) > size:
        raise UnfitError("length", f"{len(raw)} bytes, where {size} fit")
    return bytes(raw)


def _parse(type_: Any, raw: Any, wanted: str) -> Any:
    try:
        return raw if isinstance(raw, type_) else type_.fromisoformat(raw)
    except (TypeError, ValueError):
        raise _wrong(raw, wanted, "date") from None


def _without_zone(raw: Any, value: Any) -> Any:
    if value.tzinfo:
        raise UnfitError("offset", f"{raw} has a time zone, and the column has none")
    return value


def _cut(value: Any, digits: int) -> Any:
    """The value, which must have no more digits of a second than the column keeps."""
    unit = 10 ** (6 - digits)
    kept = value.replace(microsecond=value.microsecond // unit * unit)
    if kept != value:
        raise UnfitError("fraction", f"{value} has more than {digits} digits of a second", kept)
    return value


def day(raw: Any) -> Any:
    """A date."""
    return _parse(date, raw, "a date")


def moment(raw: Any, digits: int = 6) -> Any:
    """A date with a time, in a column without a time zone."""
    return _cut(_without_zone(raw, _parse(datetime, raw, "a date with a time")), digits)


def moment_in_utc(raw: Any, digits: int = 6) -> Any:
    """A date with a time, in a column with a time zone. A value without a zone is UTC."""
    value = _parse(datetime, raw, "a date with a time")
    return _cut(value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC), digits)


def clock(raw: Any, digits: int = 6) -> Any:
    """A time of the day. PyMySQL returns it as a timedelta."""
    value = (EPOCH + raw).time() if isinstance(raw, timedelta) else _parse(time, raw, "a time")
    return _cut(_without_zone(raw, value), digits)


def interval(raw: Any) -> Any:
    """A length of time, which SQLAlchemy stores in SQLite as a date that long after 1970."""
    return raw if isinstance(raw, timedelta) else moment(raw) - EPOCH


def document(raw: Any) -> str:
    """A JSON text. SQLite turns one that is only a number into a number."""
    value = json.dumps(raw) if isinstance(raw, (int, float)) else anything(raw)
    try:
        canonical_json(value)
    except (TypeError, ValueError, RecursionError):
        raise UnfitError("json", f"a value of {len(value)} characters is not JSON") from None
    return str(value)


def uuid(raw: Any) -> str:
    """A UUID, with or without its dashes."""
    try:
        return str(UUID(str(raw)))
    except ValueError:
        raise _wrong(raw, "a UUID", "uuid") from None


def canonical(value: Any) -> str:
    """A value as it is hashed."""
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def canonical_json(value: str) -> str:
    """The same for a JSON text: jsonb has its own form of numbers and order of keys."""

    def number(digits: str) -> str:
        return f"\0{EXACT.normalize(Decimal(digits)) or 0}"

    def refuse(word: str) -> None:
        raise ValueError(word)

    parsed = json.loads(value, parse_int=number, parse_float=number, parse_constant=refuse)
    return json.dumps(parsed, sort_keys=True)
