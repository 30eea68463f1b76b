"""The broker's JSON, where it is not what it looks like."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.wire import equity_history_of


def told(*points: tuple[datetime, float | None]) -> dict[str, object]:
    return {
        "timestamp": [int(at.timestamp()) for at, _ in points],
        "equity": [equity for _, equity in points],
    }


@pytest.mark.parametrize(
    ("at", "session"),
    [
        (datetime(2025, 2, 5, 1, tzinfo=UTC), date(2025, 2, 4)),
        (datetime(2025, 4, 18, 0, tzinfo=UTC), date(2025, 4, 17)),
    ],
    ids=["winter", "summer"],
)
def test_a_close_is_told_at_eight_in_the_evening_of_new_york(at: datetime, session: date) -> None:
    """In UTC that is the next day; the 18th of April was a Good Friday."""
    (point,) = equity_history_of(told((at, 100_000.25)))
    assert (point.session, point.equity, point.at) == (session, Decimal("100000.25"), at)


def test_of_a_session_told_twice_the_later_counts_and_days_of_nothing_do_not() -> None:
    evening = datetime(2025, 2, 5, 1, tzinfo=UTC)
    noon = datetime(2025, 2, 4, 17, tzinfo=UTC)
    before = datetime(2025, 2, 4, 1, tzinfo=UTC)
    (point,) = equity_history_of(told((before, 0), (noon, 5.0), (evening, 7.5)))
    assert (point.session, point.equity) == (date(2025, 2, 4), Decimal("7.5"))


def test_a_day_that_is_no_session_is_refused() -> None:
    with pytest.raises(BrokerError, match="closes of sessions"):
        equity_history_of(told((datetime(2025, 4, 18, 20, tzinfo=UTC), 1.0)))


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(BrokerError, match="an equity for each of its times"):
        equity_history_of({"timestamp": [1], "equity": []})
