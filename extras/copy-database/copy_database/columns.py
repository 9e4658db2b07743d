"""What a column of the target takes, read from its type there and from its type in the source."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from copy_database import values
from copy_database.report import UnfitError
from copy_database.values import Converter

# Fewer bytes than this are kept by MariaDB's types without a length.
TEXT_SIZES = {
    mysql.TINYTEXT: 2**8,
    mysql.MEDIUMTEXT: 2**24,
    mysql.LONGTEXT: 2**32,
    mysql.TEXT: 2**16,
}
BLOB_SIZES = {
    mysql.TINYBLOB: 2**8,
    mysql.MEDIUMBLOB: 2**24,
    mysql.LONGBLOB: 2**32,
    sa.BLOB: 2**16,
}
# From the narrow to the wide one, because some of them are subclasses of others.
INTEGER_BITS = {mysql.TINYINT: 8, mysql.MEDIUMINT: 24, sa.SmallInteger: 16, sa.BigInteger: 64, sa.Integer: 32}
# The longest mantissa of a FLOAT(n) of four bytes.
SINGLE_BITS = 24

Type = sa.types.TypeEngine[Any]
Rule = tuple[str, Converter]


@dataclass
class Column:
    """One column that is copied."""

    name: str
    # A word of CANONICAL.
    kind: str
    _convert: Converter
    _nullable: bool
    _rounds: bool
    # How many values were rounded until now.
    rounded: int = 0

    def convert(self, raw: Any) -> Any:
        """What is handed to the target's driver. Raises UnfitError."""
        if raw is None:
            if not self._nullable:
                raise UnfitError("null", "NULL, where the column wants a value")
            return None
        try:
            return self._convert(raw)
        except UnfitError as error:
            if self._rounds and error.rounded is not None:
                self.rounded += 1
                return error.rounded
            raise


def column_for(source: sa.Column[Any], target: sa.Column[Any], dialect: str, *, rounds: bool) -> Column:
    """The column of the target, and how a value of the source gets into it.

    ``dialect`` is postgresql or mysql; sqlite where the target has no tables yet, and the source's own types
    are all there is to judge by. With ``rounds`` a value that is more exact than the column is rounded.
    """
    kind, convert = _rule(source.type, target.type, dialect)
    return Column(target.name, kind, convert, bool(target.nullable), rounds)


def _rule(source: Type, target: Type, dialect: str) -> Rule:
    # In MariaDB a boolean is a TINYINT and JSON a LONGTEXT: the source's column says what they mean.
    if isinstance(target, sa.Boolean) or isinstance(source, sa.Boolean):
        return "boolean", values.boolean(bool if isinstance(target, sa.Boolean) else int)
    if isinstance(target, sa.JSON) or isinstance(source, sa.JSON):
        return "json", values.document(nul=not isinstance(target, postgresql.JSONB))
    if isinstance(target, sa.Enum):
        return "text", values.enum(target.enums)
    if isinstance(target, sa.Uuid):
        return "uuid", values.uuid
    if isinstance(target, (sa.Interval, postgresql.INTERVAL)):
        return "interval", values.interval
    if isinstance(target, (sa.LargeBinary, sa.BINARY, sa.VARBINARY)):
        size = target.length or _size(target, BLOB_SIZES, dialect)
        return "bytes", values.binary(size, fixed=isinstance(target, sa.BINARY))
    if isinstance(target, sa.String):
        size = None if target.length else _size(target, TEXT_SIZES, dialect)
        kind = "char" if isinstance(target, sa.CHAR) else "text"
        return kind, values.text(target.length, size, nul=dialect != "postgresql")
    return _number(target, dialect) or _time(target, dialect) or ("other", values.other)


def _size(target: Type, sizes: dict[Any, int], dialect: str) -> int | None:
    if dialect != "mysql":
        return None
    return next((size - 1 for type_, size in sizes.items() if isinstance(target, type_)), None)


def _number(target: Type, dialect: str) -> Rule | None:
    # Before SQLAlchemy 2.1 a Float is a Numeric.
    if isinstance(target, sa.Float):
        wide = values.double(infinite=dialect == "postgresql")
        if dialect == "postgresql" and isinstance(target, sa.REAL):
            return "float", single(wide, shortest_single)
        if isinstance(target, mysql.FLOAT) and (target.precision or 0) <= SINGLE_BITS:
            return "float", single(wide, six_digits)
        return "float", wide
    if isinstance(target, sa.Numeric):
        return "decimal", values.decimal(target.precision, target.scale)
    for type_, bits in INTEGER_BITS.items():
        if isinstance(target, type_):
            # SQLite says INTEGER for every size.
            half = 2 ** (bits - 1) if dialect != "sqlite" else 2**63
            low = 0 if getattr(target, "unsigned", False) else -half
            return "integer", values.integer(low, low + 2 * half - 1)
    return None


def _time(target: Type, dialect: str) -> Rule | None:
    # MariaDB keeps no fraction of a second unless it is told to; the others keep six digits.
    digits = getattr(target, "fsp" if dialect == "mysql" else "precision", None)
    if digits is None:
        digits = 0 if dialect == "mysql" else 6
    if isinstance(target, sa.DateTime):
        if dialect == "mysql":
            # A TIMESTAMP is in the time zone of the session, which is UTC here; the drivers drop any other.
            return "moment", values.moment(digits, "utc" if isinstance(target, sa.TIMESTAMP) else None)
        return "moment", values.moment(digits, "any" if target.timezone else None)
    if isinstance(target, sa.Date):
        return "day", values.day
    if isinstance(target, sa.Time):
        return "clock", values.clock(digits)
    return None


def single(wide: Converter, keep: Callable[[float], float]) -> Converter:
    """A binary number of four bytes: half of what SQLite has. ``keep`` is what is read of it afterwards."""

    def convert(raw: Any) -> float:
        number = float(wide(raw))
        try:
            kept = keep(number)
        except OverflowError:
            raise UnfitError("range", f"{number!r} is too large for four bytes") from None
        if kept != number:
            raise UnfitError("digits", f"{number!r} has more digits than the column keeps", kept)
        return number

    return convert


def six_digits(number: float) -> float:
    """What MariaDB says of a FLOAT."""
    struct.pack("<f", number)
    return float(f"{number:.6g}")


def shortest_single(number: float) -> float:
    """What PostgreSQL says of a real: as few digits as it takes."""
    packed = struct.pack("<f", number)
    texts = (f"{number:.{digits}g}" for digits in range(6, 10))
    return next(float(text) for text in texts if struct.pack("<f", float(text)) == packed)
