"""One value at a time, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from copy_database import values
from copy_database.columns import Column, Converter, Digest
from copy_database.values import Undecodable, UnfitError

small = partial(values.integer, low=-(2**15), high=2**15 - 1)
money = partial(values.decimal, step=Decimal("0.01"))
single = partial(values.floating, single=True)
code = partial(values.text, characters=3, nul=False)
millis = partial(values.moment, digits=3)
naive = datetime(2026, 1, 2, 3, 4, 5, 678900)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("convert", "raw", "expected"),
    [
        (values.boolean, 1, True),
        (small, 5.0, 5),
        # Binary addition leaves an error after the 15th digit, which is not part of the amount.
        (money, 0.1 + 0.2, Decimal("0.30")),
        (money, "99999999.99", Decimal("99999999.99")),
        (single, 0.1, 0.1),
        (code, "äöü", "äöü"),
        (values.moment_in_utc, "2026-01-02T03:04:05.678900", naive.replace(tzinfo=UTC)),
        (values.moment_in_utc, "2026-01-02 05:04:05.678900+02:00", naive.replace(tzinfo=UTC)),
        (values.interval, "1970-01-03 00:00:00.000001", timedelta(days=2, microseconds=1)),
        # A column called JSON makes a number of a text that looks like one.
        (values.document, 5, "5"),
        (values.uuid, "123456789abcdef0123456789abcdef0", "12345678-9abc-def0-1234-56789abcdef0"),
    ],
)
def test_a_value_that_fits_arrives(convert: Converter, raw: Any, expected: Any) -> None:
    assert convert(raw) == expected
    assert type(convert(raw)) is type(expected)


@pytest.mark.parametrize(
    ("convert", "raw", "kind"),
    [
        (values.boolean, "true", "boolean"),
        (small, 32768, "range"),
        (small, "seven", "type"),
        (money, float("inf"), "type"),
        (values.floating, 2**60 + 1, "digits"),
        (single, 1e39, "range"),
        (code, "hunter2", "length"),
        (values.text, Undecodable(b"\xff"), "utf-8"),
        (code, "a\0b", "nul"),
        (partial(values.binary, size=3), b"abcd", "length"),
        (values.binary, "hunter2", "type"),
        (values.moment, "2026-02-30 00:00:00", "date"),
        (values.moment, "2026-01-01 00:00:00+02:00", "offset"),
        (values.day, 20260101, "date"),
        (values.clock, "25:00", "date"),
        (values.document, "{hunter2}", "json"),
        (values.document, "NaN", "json"),
        (values.uuid, 1234, "uuid"),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_a_text_not_shown(
    convert: Converter, raw: Any, kind: str
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
        (single, 3.14159265, 3.14159),
        (millis, "2026-01-01 00:00:00.123456", datetime(2026, 1, 1, 0, 0, 0, 123000)),  # noqa: DTZ001
    ],
)
def test_what_is_only_too_exact_can_be_rounded(convert: Converter, raw: Any, kept: Any) -> None:
    with pytest.raises(UnfitError) as error:
        convert(raw)
    assert error.value.rounded == kept


def digest(converters: list[Converter], *rows: tuple[Any, ...]) -> str:
    one = Digest([Column("", convert) for convert in converters])
    for row in rows:
        pairs = zip(converters, row, strict=True)
        one.add([None if value is None else convert(value) for convert, value in pairs])
    return one.hexdigest()


@pytest.mark.parametrize(
    ("convert", "here", "there", "same"),
    [
        (partial(values.boolean, as_type=int), True, 1, True),
        (values.decimal, "1E+2", Decimal(100), True),
        (money, "-0.00", Decimal("0.00"), True),
        (values.floating, -0.0, 0.0, True),
        (partial(values.text, padded=True), "ab", "ab  ", True),
        (values.document, '{"b": 1.0, "a": 1e2}', '{"a":100,"b":1}', True),
        (values.moment_in_utc, "2026-01-02 03:04:05.6789", naive.replace(tzinfo=UTC), True),
        (values.clock, "01:00:00.000001", timedelta(hours=1, microseconds=1), True),
        (values.uuid, "123456789abcdef0123456789abcdef0", UUID("123456789abcdef0123456789abcdef0"), True),
        (values.text, None, "", False),
        (values.text, "a", "a ", False),
        (values.text, "N", None, False),
        (values.document, '"1"', "1", False),
        (values.document, "12345678901234567890", "12345678901234567891", False),
    ],
)
def test_what_means_the_same_has_the_same_hash_and_nothing_else(
    convert: Converter,
    here: Any,
    there: Any,
    same: bool,  # noqa: FBT001
) -> None:
    assert (digest([convert], (here,)) == digest([convert], (there,))) == same


def test_a_hash_depends_on_the_rows_and_not_on_their_order() -> None:
    texts: list[Converter] = [values.text, values.text]
    assert digest(texts, ("1", "a"), ("2", "b")) == digest(texts, ("2", "b"), ("1", "a"))
    assert digest(texts, ("1", "a")) != digest(texts, ("1", "a"), ("1", "a"))
    assert digest(texts, ("ab", "c")) != digest(texts, ("a", "bc"))
