"""One way to write a value, so that what was sent and what the target has can be compared by their hashes."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from docker_roles.copy_database.values import EPOCH, EXACT

Canonical = Callable[[Any], str]
MODULUS = 2**256


def _number(value: Any) -> str:
    number = Decimal(value)
    return str(EXACT.normalize(number)) if number else "0"


def _float(value: Any) -> str:
    # Zero has a sign in some databases.
    return repr(float(value) + 0.0)


def _moment(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return str(value)


def _clock(value: Any) -> str:
    # PyMySQL has no time of the day, only a length of time.
    if isinstance(value, timedelta):
        value = (EPOCH + value).time()
    return value.isoformat() if isinstance(value, time) else str(value)


def _document(value: Any) -> str:
    # jsonb writes numbers and the order of keys in its own way.
    parsed = json.loads(value, parse_float=_json_number, parse_int=_json_number)
    return json.dumps(parsed, sort_keys=True)


def _json_number(digits: str) -> str:
    return f"\0{_number(digits)}"


def _bytes(value: Any) -> str:
    return bytes(value).hex()


CANONICAL: dict[str, Canonical] = {
    "boolean": lambda value: str(int(value)),
    "integer": str,
    "decimal": _number,
    "float": _float,
    "text": str,
    # Blanks at the end of a CHAR mean nothing: PostgreSQL adds them, MariaDB takes them away.
    "char": lambda value: str(value).rstrip(" "),
    "bytes": _bytes,
    "moment": _moment,
    "day": str,
    "clock": _clock,
    "interval": lambda value: str(value / timedelta(microseconds=1)),
    "json": _document,
    "uuid": str,
    "other": str,
}


class Digest:
    """The hash of a set of rows, in whatever order they come."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._canonical = [CANONICAL[kind] for kind in kinds]
        self._sum = 0
        self.rows = 0

    def add(self, row: Sequence[Any]) -> None:
        """Adds one row."""
        # Lengths in front: ("a", "bc") must not be ("ab", "c"), and no value can look like a NULL.
        pairs = zip(self._canonical, row, strict=True)
        parts = (None if value is None else write(value) for write, value in pairs)
        line = "".join("N" if part is None else f"{len(part)}:{part}" for part in parts)
        digest = hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % MODULUS
        self.rows += 1

    def hexdigest(self) -> str:
        """The hash as it is shown."""
        return f"{self._sum:064x}"
