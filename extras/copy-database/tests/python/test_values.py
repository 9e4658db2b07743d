"""One value at a time, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from copy_database import columns, values
from copy_database.check import fold
from copy_database.databases import Undecodable
from copy_database.report import UnfitError
from copy_database.transfer import Digest

small = values.integer(-(2**15), 2**15 - 1)
money = values.decimal(10, 2)
float4 = columns.single(values.double(infinite=False), columns.six_digits)
real = columns.single(values.double(infinite=True), columns.shortest_single)
naive = datetime(2026, 1, 2, 3, 4, 5, 678900)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("convert", "raw", "expected"),
    [
        (values.boolean(bool), 1, True),
        (small, 5.0, 5),
        # What adding in binary leaves behind the 15th digit is nobody's money.
        (money, 0.1 + 0.2, Decimal("0.30")),
        (money, "99999999.99", Decimal("99999999.99")),
        (float4, 0.1, 0.1),
        (real, 1234567.0, 1234567.0),
        (values.text(size=6), "äöü", "äöü"),
        (values.moment(6, "any"), "2026-01-02T03:04:05.678900", naive.replace(tzinfo=UTC)),
        (values.moment(6, "utc"), "2026-01-02 05:04:05.678900+02:00", naive),
        (values.interval, "1970-01-03 00:00:00.000001", timedelta(days=2, microseconds=1)),
        # A column called JSON makes a number of a text that looks like one.
        (values.document(nul=False), 5, "5"),
        (values.uuid, "123456789abcdef0123456789abcdef0", "12345678-9abc-def0-1234-56789abcdef0"),
    ],
)
def test_a_value_that_fits_arrives(convert: values.Converter, raw: Any, expected: Any) -> None:
    assert convert(raw) == expected
    assert type(convert(raw)) is type(expected)


@pytest.mark.parametrize(
    ("convert", "raw", "kind"),
    [
        (values.boolean(bool), "true", "boolean"),
        (small, 32768, "range"),
        (small, "seven", "type"),
        (money, 123456789, "range"),
        (money, float("inf"), "type"),
        (values.double(infinite=True), 2**60 + 1, "digits"),
        (float4, 1e39, "range"),
        (real, 3.14159265, "digits"),
        (values.text(3), "hunter2", "length"),
        (values.text(size=5), "äöü", "length"),
        (values.text(), Undecodable(b"\xff"), "utf-8"),
        (values.text(nul=False), "a\0b", "nul"),
        (values.enum({"a", "b"}), "c", "enum"),
        (values.binary(3, fixed=True), b"ab", "length"),
        (values.binary(), "hunter2", "type"),
        (values.moment(6), "2026-02-30 00:00:00", "date"),
        (values.moment(6), "2026-01-01 00:00:00+02:00", "offset"),
        (values.day, 20260101, "date"),
        (values.clock(6), "25:00", "date"),
        (values.document(nul=False), "{hunter2}", "json"),
        (values.document(nul=False), "NaN", "json"),
        (values.document(nul=False), '"a\\u0000b"', "nul"),
        (values.uuid, 1234, "uuid"),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_a_text_not_shown(
    convert: values.Converter, raw: Any, kind: str
) -> None:
    with pytest.raises(UnfitError) as error:
        convert(raw)
    assert error.value.kind == kind
    assert error.value.rounded is None or kind == "digits"
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("convert", "raw", "kept"),
    [
        (money, 12.345, Decimal("12.35")),
        (float4, 3.14159265, 3.14159),
        (values.moment(3), "2026-01-01 00:00:00.123456", datetime(2026, 1, 1, 0, 0, 0, 123000)),  # noqa: DTZ001
    ],
)
def test_what_is_only_too_exact_can_be_rounded(convert: values.Converter, raw: Any, kept: Any) -> None:
    with pytest.raises(UnfitError) as error:
        convert(raw)
    assert error.value.rounded == kept


def digest(kinds: list[str], *rows: tuple[Any, ...]) -> str:
    one = Digest(kinds)
    for row in rows:
        one.add(row)
    return one.hexdigest()


@pytest.mark.parametrize(
    ("kind", "here", "there", "same"),
    [
        ("boolean", True, 1, True),
        ("decimal", Decimal("1.50"), Decimal("1.5"), True),
        ("float", -0.0, 0.0, True),
        ("char", "ab", "ab  ", True),
        ("json", '{"b": 1.0, "a": 1e2}', '{"a":100,"b":1}', True),
        ("moment", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1), True),  # noqa: DTZ001
        ("clock", timedelta(hours=1, microseconds=1), datetime(2026, 1, 1, 1, 0, 0, 1).time(), True),  # noqa: DTZ001
        ("text", None, "", False),
        ("text", "a", "a ", False),
        ("text", "None", None, False),
        ("json", '"1"', "1", False),
        ("json", "12345678901234567890", "12345678901234567891", False),
    ],
)
def test_what_means_the_same_has_the_same_hash_and_nothing_else(
    kind: str,
    here: Any,
    there: Any,
    same: bool,  # noqa: FBT001
) -> None:
    assert (digest([kind], (here,)) == digest([kind], (there,))) == same


def test_a_hash_depends_on_the_rows_and_not_on_their_order() -> None:
    kinds = ["text", "text"]
    assert digest(kinds, ("1", "a"), ("2", "b")) == digest(kinds, ("2", "b"), ("1", "a"))
    assert digest(kinds, ("1", "a")) != digest(kinds, ("1", "a"), ("1", "a"))
    assert digest(kinds, ("ab", "c")) != digest(kinds, ("a", "bc"))


def test_texts_that_some_collation_takes_for_the_same_are_folded_to_one() -> None:
    assert fold("Zoë ".encode()) == fold(b"ZOE") == fold("zoe\u0308".encode())
    assert fold(b"a\xff") != fold(b"a")
