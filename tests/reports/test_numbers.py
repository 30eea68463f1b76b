"""Numbers as the pages write them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from alchemiser_dagster.reports.numbers import (
    MISSING,
    day,
    dollars,
    number,
    percent,
    shares,
    tone,
)


@pytest.mark.parametrize(
    ("amount", "plain", "signed"),
    [
        (Decimal("-1234.5"), "\u2212$1,234.50", "\u2212$1,234.50"),
        (Decimal("1234.5"), "$1,234.50", "+$1,234.50"),
        (Decimal("-0.004"), "$0.00", "$0.00"),
        (Decimal("0.125"), "$0.13", "+$0.13"),  # half up, as the account rounds
        (0, "$0.00", "$0.00"),
        (None, MISSING, MISSING),
        (float("nan"), MISSING, MISSING),
    ],
)
def test_dollars(amount: Decimal | None, plain: str, signed: str) -> None:
    assert dollars(amount) == plain
    assert dollars(amount, sign=True) == signed


def test_per_cents_and_plain_numbers() -> None:
    assert percent(0.12345) == "12.35%"
    assert percent(Decimal("-0.5"), 0, sign=True) == "\u221250%"
    assert percent(-0.00004, sign=True) == "0.00%"
    assert percent(float("inf")) == MISSING
    assert number(-1.234) == "\u22121.23"
    assert shares(Decimal("12.340000000")) == "12.34"
    assert shares(Decimal(1000)) == "1,000"


def test_days() -> None:
    assert day(date(2024, 1, 2)) == day(datetime(2024, 1, 2, 21, tzinfo=UTC)) == "2024-01-02"
    assert day(None) == MISSING


def test_the_tone_is_that_of_what_is_written() -> None:
    assert tone(dollars(Decimal("0.01"), sign=True)) == "gain"
    assert tone(percent(-0.1)) == "loss"
    # what rounds to nothing is neither, and nor is what has no sign
    assert tone(percent(-0.00001, sign=True)) == tone(dollars(5)) == tone(MISSING) == tone("") == ""
