"""One value at a time, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from docker_roles.copy_database import values
from docker_roles.copy_database.canonical import Digest
from docker_roles.copy_database.errors import UnfitError
from docker_roles.copy_database.source import Undecodable
from docker_roles.copy_database.unique import fold

small = values.integer(-(2**15), 2**15 - 1)
money = values.decimal(10, 2)
float4 = values.single(values.double(infinite=False), values.six_digits)
real = values.single(values.double(infinite=True), values.shortest_single)
naive = datetime(2026, 1, 2, 3, 4, 5, 678900)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("convert", "raw", "expected"),
    [
        (values.boolean(bool), 1, True),
        (values.boolean(int), 0.0, 0),
        (small, -32768, -32768),
        (small, 5.0, 5),
        (money, 12, Decimal("12.00")),
        (money, 10.1, Decimal("10.10")),
        # What adding in binary leaves behind the 15th digit is nobody's money.
        (money, 0.1 + 0.2, Decimal("0.30")),
        (money, "99999999.99", Decimal("99999999.99")),
        (values.decimal(None, None), 1e-7, Decimal("0.0000001")),
        (values.double(infinite=True), float("inf"), float("inf")),
        (float4, 0.1, 0.1),
        (real, 0.1, 0.1),
        (real, 1234567.0, 1234567.0),
        (values.text(3), "äöü", "äöü"),
        (values.text(size=6), "äöü", "äöü"),
        (values.enum({"a", "b"}), "a", "a"),
        (values.binary(3), b"\x00\xff", b"\x00\xff"),
        (values.moment(6), "2026-01-02 03:04:05.678900", naive),
        (values.moment(6, "any"), "2026-01-02T03:04:05.678900", naive.replace(tzinfo=UTC)),
        (values.moment(6, "utc"), "2026-01-02 05:04:05.678900+02:00", naive),
        (values.interval, "1970-01-03 00:00:00.000001", timedelta(days=2, microseconds=1)),
        (values.document(nul=False), '{"a": 1}', '{"a": 1}'),
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
        (values.boolean(bool), 2, "boolean"),
        (values.boolean(bool), "true", "boolean"),
        (values.boolean(bool), 0.5, "boolean"),
        (small, 32768, "range"),
        (small, 1.5, "type"),
        (small, "seven", "type"),
        (small, b"7", "type"),
        (money, 12.345, "decimals"),
        (money, 123456789, "range"),
        (money, "twelve", "type"),
        (money, float("inf"), "type"),
        (values.double(infinite=False), float("-inf"), "type"),
        (values.double(infinite=True), "1.5 kg", "type"),
        (values.double(infinite=True), 2**60 + 1, "digits"),
        (float4, 3.14159265, "digits"),
        (float4, 1234567.0, "digits"),
        (float4, 1e39, "range"),
        (real, 3.14159265, "digits"),
        (values.text(3), "abcd", "length"),
        (values.text(size=5), "äöü", "length"),
        (values.text(), 5, "type"),
        (values.text(), b"bytes", "type"),
        (values.text(), Undecodable(b"\xff"), "utf-8"),
        (values.text(nul=False), "a\0b", "nul"),
        (values.enum({"a", "b"}), "c", "enum"),
        (values.binary(1), b"ab", "length"),
        (values.binary(3, fixed=True), b"ab", "length"),
        (values.binary(), "text", "type"),
        (values.moment(6), "tomorrow", "date"),
        (values.moment(6), "2026-02-30 00:00:00", "date"),
        (values.moment(6), 1767225600, "date"),
        (values.moment(6), "2026-01-01 00:00:00+02:00", "offset"),
        (values.moment(0), "2026-01-01 00:00:00.5", "fraction"),
        (values.day, "2026-01-01 10:00:00", "date"),
        (values.day, 20260101, "date"),
        (values.clock(6), "25:00", "date"),
        (values.clock(0), "10:00:00.1", "fraction"),
        (values.interval, "two days", "date"),
        (values.document(nul=False), "{'a': 1}", "json"),
        (values.document(nul=False), "NaN", "json"),
        (values.document(nul=False), '"a\\u0000b"', "nul"),
        (values.document(nul=False), Undecodable(b'"\xff"'), "utf-8"),
        (values.uuid, "1234", "uuid"),
        (values.uuid, 1234, "uuid"),
    ],
)
def test_a_value_that_does_not_fit_is_named(convert: values.Converter, raw: Any, kind: str) -> None:
    with pytest.raises(UnfitError) as error:
        convert(raw)
    assert error.value.kind == kind


@pytest.mark.parametrize(
    ("convert", "raw", "kept"),
    [
        (money, 12.345, Decimal("12.35")),
        (float4, 3.14159265, 3.14159),
        (values.moment(0), "2026-01-01 00:00:00.9", datetime(2026, 1, 1)),  # noqa: DTZ001
        (values.moment(3), "2026-01-01 00:00:00.123456", datetime(2026, 1, 1, 0, 0, 0, 123000)),  # noqa: DTZ001
        (values.text(3), "abcd", None),
    ],
)
def test_only_what_is_too_exact_can_be_rounded(convert: values.Converter, raw: Any, kept: Any) -> None:
    with pytest.raises(UnfitError) as error:
        convert(raw)
    assert error.value.rounded == kept


def test_a_long_or_secret_text_is_not_shown() -> None:
    for convert, raw in (
        (values.text(3), "hunter2"),
        (values.binary(), "hunter2"),
        (values.document(nul=False), "hunter2"),
    ):
        with pytest.raises(UnfitError) as error:
            convert(raw)
        assert "hunter2" not in str(error.value)


def digest(kinds: list[str], *rows: tuple[Any, ...]) -> str:
    one = Digest(kinds)
    for row in rows:
        one.add(row)
    return one.hexdigest()


def test_the_order_of_rows_does_not_matter_and_their_number_does() -> None:
    kinds = ["integer", "text"]
    assert digest(kinds, (1, "a"), (2, "b")) == digest(kinds, (2, "b"), (1, "a"))
    assert digest(kinds, (1, "a")) != digest(kinds, (1, "a"), (1, "a"))


@pytest.mark.parametrize(
    ("kind", "here", "there"),
    [
        ("boolean", True, 1),
        ("decimal", Decimal("1.50"), Decimal("1.5")),
        ("decimal", Decimal("0.00"), Decimal("-0")),
        ("float", -0.0, 0.0),
        ("char", "ab", "ab  "),
        ("bytes", b"a", memoryview(b"a")),
        ("json", '{"b": 1.0, "a": 1e2}', '{"a":100,"b":1}'),
        ("moment", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1)),  # noqa: DTZ001
        ("clock", timedelta(hours=1, microseconds=1), (datetime(2026, 1, 1, 1, 0, 0, 1)).time()),  # noqa: DTZ001
    ],
)
def test_what_means_the_same_has_the_same_hash(kind: str, here: Any, there: Any) -> None:
    assert digest([kind], (here,)) == digest([kind], (there,))


@pytest.mark.parametrize(
    ("kind", "here", "there"),
    [
        ("text", None, ""),
        ("text", "a", "a "),
        ("text", "None", None),
        ("json", "[1, 2]", "[2, 1]"),
        ("json", '"1"', "1"),
        ("json", "12345678901234567890", "12345678901234567891"),
        ("float", 0.1, 0.1 + 2**-55),
    ],
)
def test_what_differs_has_another_hash(kind: str, here: Any, there: Any) -> None:
    assert digest([kind], (here,)) != digest([kind], (there,))


def test_a_value_does_not_run_into_the_next_one() -> None:
    assert digest(["text", "text"], ("ab", "c")) != digest(["text", "text"], ("a", "bc"))


def test_texts_that_some_collation_takes_for_the_same_are_folded_to_one() -> None:
    assert fold("Zoë ".encode()) == fold(b"ZOE") == fold("zoe\u0308".encode())
    assert fold(b"a\xff") != fold(b"a")
