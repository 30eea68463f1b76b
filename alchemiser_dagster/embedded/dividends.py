"""Dividends, read from the bars: what an adjusted close says was paid.

On an ex-date the ratio of adjusted to traded close rises against the session before. The dividend
per share is the part of the earlier close that the adjusted series takes off it:

    dividend = close[t-1] x (1 - ratio[t-1] / ratio[t]),   ratio = adj_close / close

with ratio[t-1] multiplied, and close[t-1] divided, by the split there may be on the same day, and
to four decimals (see e.g. CRSP's definition of the total-return factor). Smaller rises than
`LEAST_RISE` are rounding in the vendor's figures. The cash comes on the ex-date itself, when the
price falls: bars know no payment date.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from alchemiser_dagster.embedded.bars import SymbolBars

LEAST_RISE = 5e-5
DIVIDEND_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Dividend:
    """Dollars per share, for those who hold at the close before `ex_date`."""

    symbol: str
    ex_date: date
    per_share: Decimal


def dividend_on(bars: SymbolBars, session: date) -> Dividend | None:
    """The dividend of `session`, if it is an ex-date of the symbol."""
    row = bars.row(session)
    return _at(bars, row) if row else None


def dividends_between(bars: SymbolBars, first: date, last: date) -> Iterator[Dividend]:
    """The dividends with ex-dates from `first` to `last`."""
    start = max(1, bars.rows_until(first - timedelta(days=1)))
    for row in range(start, bars.rows_until(last)):
        found = _at(bars, row)
        if found is not None:
            yield found


def _at(bars: SymbolBars, row: int) -> Dividend | None:
    before, now = (float(bars.adj_close[n] / bars.close[n]) for n in (row - 1, row))
    split = float(bars.split[row])
    before *= split
    if not now > before * (1 + LEAST_RISE):
        return None
    amount = round(float(bars.close[row - 1]) / split * (1 - before / now), DIVIDEND_DECIMALS)
    return Dividend(bars.symbol, bars.date_of(row), Decimal(repr(amount)))
