"""What a column of the target takes, judged by its type there and its type in the source."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from copy_database import values

Converter = Callable[[Any], Any]

# Subclasses before Integer. The target itself checks narrower types, such as MariaDB's TINYINT.
INTEGER_BITS = {sa.SmallInteger: 16, sa.BigInteger: 64, sa.Integer: 32}
# The longest mantissa of a FLOAT(n) that takes four bytes.
SINGLE_BITS = 24
MODULUS = 2**256


@dataclass
class Column:
    """One column that is copied."""

    name: str
    # Takes a value of either side that is not NULL. Raises UnfitError.
    convert: Converter
    # How many values were rounded so far.
    rounded: int = 0

    @property
    def is_json(self) -> bool:
        """Whether a value is a JSON text."""
        return self.convert is values.document


def column_for(source: sa.Column[Any], target: sa.Column[Any], dialect: str) -> Column:
    """The column of the target, and how a value of the source gets into it.

    ``dialect`` is postgresql or mysql. It is sqlite if the target has no tables yet, and only the source's
    own types are known.
    """
    types = (source.type, target.type)
    # In MariaDB a boolean is a TINYINT and JSON a LONGTEXT: the source's column says what they mean.
    if any(isinstance(type_, sa.JSON) for type_ in types):
        return Column(target.name, values.document)
    if any(isinstance(type_, sa.Boolean) for type_ in types):
        as_type = bool if isinstance(target.type, sa.Boolean) else int
        return Column(target.name, partial(values.boolean, as_type=as_type))
    return Column(target.name, _number(target.type, dialect) or _other(target.type, dialect))


def _number(target: sa.types.TypeEngine[Any], dialect: str) -> Converter | None:
    # Before SQLAlchemy 2.1 a Float is a Numeric.
    if isinstance(target, sa.Float):
        short = isinstance(target, mysql.FLOAT) and (target.precision or 0) <= SINGLE_BITS
        single = short or (dialect == "postgresql" and isinstance(target, sa.REAL))
        return partial(values.floating, single=single)
    if isinstance(target, sa.Numeric):
        scale = target.scale
        return partial(values.decimal, step=None if scale is None else Decimal(1).scaleb(-scale))
    for type_, bits in INTEGER_BITS.items():
        if isinstance(target, type_):
            # SQLite says INTEGER for every size.
            half = 2 ** (bits - 1) if dialect != "sqlite" else 2**63
            low = 0 if getattr(target, "unsigned", False) else -half
            return partial(values.integer, low=low, high=low + 2 * half - 1)
    return None


def _other(target: sa.types.TypeEngine[Any], dialect: str) -> Converter:
    if isinstance(target, sa.Uuid):
        return values.uuid
    if isinstance(target, (sa.Interval, postgresql.INTERVAL)):
        return values.interval
    if isinstance(target, (sa.LargeBinary, sa.BINARY, sa.VARBINARY)):
        return partial(values.binary, size=target.length)
    if isinstance(target, sa.String):
        nul, padded = dialect != "postgresql", isinstance(target, sa.CHAR)
        return partial(values.text, characters=target.length, nul=nul, padded=padded)
    # MariaDB keeps no fraction of a second unless it is told to; the others keep six digits.
    in_mysql = dialect == "mysql"
    digits = getattr(target, "fsp" if in_mysql else "precision", None)
    digits = digits if digits is not None else (0 if in_mysql else 6)
    if isinstance(target, sa.DateTime):
        # A TIMESTAMP of MariaDB is in the time zone of the session, which is UTC here.
        is_utc = isinstance(target, sa.TIMESTAMP) if in_mysql else target.timezone
        return partial(values.moment_in_utc if is_utc else values.moment, digits=digits)
    if isinstance(target, sa.Time):
        return partial(values.clock, digits=digits)
    return values.day if isinstance(target, sa.Date) else values.anything


class Digest:
    """The hash of a set of rows, in whatever order they come."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._write = [values.canonical_json if one.is_json else values.canonical for one in columns]
        self._sum = 0
        self.rows = 0

    def add(self, row: Sequence[Any]) -> None:
        """Adds one row of converted values."""
        # Lengths come first: ("a", "bc") must differ from ("ab", "c"), and no value may look like a NULL.
        pairs = zip(self._write, row, strict=True)
        parts = (None if value is None else write(value) for write, value in pairs)
        line = "".join("N" if part is None else f"{len(part)}:{part}" for part in parts)
        digest = hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % MODULUS
        self.rows += 1

    def hexdigest(self) -> str:
        """The hash as it is shown."""
        return f"{self._sum:064x}"
