"""The account's equity over time, one point per session, at the close."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from alchemiser_dagster.embedded.clock import hours, new_york_date
from alchemiser_dagster.embedded.refusals import invalid
from alchemiser_dagster.embedded.state import DailyClose
from alchemiser_dagster.embedded.wire import read_moment

DAYS_OF = {"D": 1, "W": 7, "M": 30, "A": 365}
RATIO_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Span:
    """The sessions asked for, first and last included."""

    first: date
    last: date


def read_span(
    period: str | None, timeframe: str | None, start: str | None, end: str | None, now: datetime
) -> Span:
    """The span of a history request; one month up to now unless it says otherwise.

    Raises RefusalError for a period that is none, and for a timeframe shorter than a day.
    """
    if timeframe not in (None, "1D"):
        raise invalid(f"invalid timeframe: expected 1D, was {timeframe}")
    last = new_york_date(read_moment(end, "end")) if end else new_york_date(now)
    if start:
        return Span(new_york_date(read_moment(start, "start")), last)
    match = re.fullmatch(r"([1-9][0-9]{0,3})([DWMA])", period or "1M")
    if match is None:
        raise invalid(f"invalid period: expected a number and D, W, M or A, was {period}")
    days = min(int(match[1]) * DAYS_OF[match[2]], last.toordinal() - 1)
    return Span(last - timedelta(days=days), last)


def history_view(
    closes: Sequence[DailyClose], span: Span, opening_cash: Decimal
) -> dict[str, object]:
    """Equity at each close of the span, and its gain over the close before the span."""
    before = [close for close in closes if close.session < span.first]
    within = [close for close in closes if span.first <= close.session <= span.last]
    base = before[-1].equity if before else opening_cash
    gains = [close.equity - base for close in within]
    return {
        "timestamp": [int(hours(close.session).close.timestamp()) for close in within],
        "equity": [float(close.equity) for close in within],
        "profit_loss": [float(gain) for gain in gains],
        "profit_loss_pct": [
            round(float(gain / base), RATIO_DECIMALS) if base else None for gain in gains
        ],
        "base_value": float(base),
        "base_value_asof": before[-1].session.isoformat() if before else None,
        "timeframe": "1D",
        "cashflow": {},
    }
