"""How values are written, so that what was read before is read again."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.publishing.items import (
    expiry,
    has_expired,
    number_text,
    time_text,
    value_of,
)

D = Decimal
WIDE = Context(prec=38)
CLOSE = datetime(2026, 2, 13, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (D("123.450000000"), "123.45"),
        (D("1200"), "1200"),
        (D("0.00"), "0"),
        (D("-0.00"), "0"),
        (D("-33.330"), "-33.33"),
        (D("1E+3"), "1000"),
        (0.0125, "0.0125"),
        (-1e-9, "-0.000000001"),
        (-0.0, "0"),
    ],
)
def test_a_number_is_exact_and_has_no_zeros_at_its_end(number: Decimal | float, text: str) -> None:
    assert number_text(number) == text


@given(st.integers(-(10**38) + 1, 10**38 - 1).map(lambda units: Decimal(units).scaleb(-9, WIDE)))
def test_a_number_is_read_as_it_was_written(number: Decimal) -> None:
    assert Decimal(number_text(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_float_is_read_as_it_was_written(number: float) -> None:
    assert float(number_text(number)) == number


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2))
def test_the_order_of_times_is_that_of_their_text(times: list[datetime]) -> None:
    assert sorted(map(time_text, times)) == [time_text(time) for time in sorted(times)]


def test_times_are_in_utc() -> None:
    new_york = timezone(timedelta(hours=-5))
    assert time_text(datetime(2026, 2, 13, 16, tzinfo=new_york)) == "2026-02-13T21:00:00+00:00"
    assert value_of(date(2026, 2, 13)) == "2026-02-13"
    assert value_of(7) == 7


def test_an_item_expires_counted_from_its_own_time() -> None:
    """13 February 2026, 21:00 UTC, and 90 days: 14 May 2026, 21:00 UTC."""
    at = expiry(CLOSE, 90)
    assert datetime.fromtimestamp(at, UTC) == datetime(2026, 5, 14, 21, tzinfo=UTC)
    assert not has_expired({"ExpiresAt": at}, datetime(2026, 5, 14, 20, 59, tzinfo=UTC))
    assert has_expired({"ExpiresAt": at}, datetime(2026, 5, 14, 21, tzinfo=UTC))
    assert not has_expired({}, datetime(2100, 1, 1, tzinfo=UTC))
