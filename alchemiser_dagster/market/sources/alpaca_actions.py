"""Corporate actions as Alpaca's API writes them, read into the table of `actions`.

The API finds actions by the day on which they are processed, which for a dividend is the day it is
paid: weeks after the ex-date. So a request reaches beyond the last ex-date that is wanted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from logging import getLogger
from typing import Any

from alchemiser_dagster.market.actions import Action
from alchemiser_dagster.market.sources.interface import SourceError

PROCESSED_BEFORE, PROCESSED_AFTER = timedelta(days=7), timedelta(days=120)
"""How far from its ex-date an action may be processed."""

log = getLogger(__name__)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """Which fields of one of Alpaca's kinds say what; a `new_symbol` may be absent there."""

    kind: str
    symbol: str = "symbol"
    day: str = "ex_date"
    amount: Callable[[Row], float] | None = None
    ratio: Callable[[Row], float] | None = None
    new_symbol: str | None = None

    def action(self, row: Row) -> Action:
        """Raises KeyError, TypeError or ValueError for a row without what the kind needs."""
        symbol = row[self.symbol]
        if not isinstance(symbol, str) or not symbol:
            raise ValueError(f"{self.symbol} {symbol!r}")
        return Action(
            symbol,
            date.fromisoformat(row[self.day]),
            self.kind,
            amount=None if self.amount is None else _positive(self.amount(row)),
            ratio=None if self.ratio is None else _positive(self.ratio(row)),
            new_symbol=None if self.new_symbol is None else row.get(self.new_symbol) or None,
        )


def _quotient(new: str, old: str) -> Callable[[Row], float]:
    return lambda row: row[new] / row[old]


def _number(field: str) -> Callable[[Row], float]:
    return lambda row: row[field]


def _gains(row: Row) -> float:
    return sum(row.get(name) or 0.0 for name in ("long_term_rate", "short_term_rate"))


def _merger(
    amount: Callable[[Row], float] | None = None, ratio: Callable[[Row], float] | None = None
) -> _Form:
    return _Form("merger", "acquiree_symbol", "effective_date", amount, ratio, "acquirer_symbol")


FORMS: Mapping[str, _Form] = {
    "cash_dividends": _Form("dividend", amount=_number("rate")),
    "capital_gains_distributions": _Form("dividend", amount=_gains),
    "forward_splits": _Form("split", ratio=_quotient("new_rate", "old_rate")),
    "reverse_splits": _Form(
        "split", ratio=_quotient("new_rate", "old_rate"), new_symbol="new_symbol"
    ),
    "unit_splits": _Form(
        "split",
        symbol="old_symbol",
        day="effective_date",
        ratio=_quotient("new_rate", "old_rate"),
        new_symbol="new_symbol",
    ),
    # the rate is what is added: 0.05 for one share for twenty
    "stock_dividends": _Form("stock_dividend", ratio=lambda row: 1 + row["rate"]),
    "spin_offs": _Form(
        "spin_off",
        symbol="source_symbol",
        ratio=_quotient("new_rate", "source_rate"),
        new_symbol="new_symbol",
    ),
    "rights_distributions": _Form(
        "spin_off", symbol="source_symbol", ratio=_number("rate"), new_symbol="new_symbol"
    ),
    "cash_mergers": _merger(_number("rate")),
    "stock_mergers": _merger(ratio=_quotient("acquirer_rate", "acquiree_rate")),
    "stock_and_cash_mergers": _merger(
        _quotient("cash_rate", "acquiree_rate"), _quotient("acquirer_rate", "acquiree_rate")
    ),
    "name_changes": _Form(
        "name_change", symbol="old_symbol", day="process_date", new_symbol="new_symbol"
    ),
    "redemptions": _Form("removal", day="process_date", amount=_number("rate")),
    "worthless_removals": _Form("removal", day="process_date"),
}


def actions_of(answer: object, name: str) -> Iterator[Action]:
    """The actions of an undecoded answer.

    Kinds that are not in `FORMS`, and rows that lack what their kind needs, are logged and left
    out: what they would have explained stays unexplained, and is found at that symbol.

    Raises SourceError, `name` in it, for an answer that is not of the documented form.
    """
    if not isinstance(answer, dict) or not all(isinstance(rows, list) for rows in answer.values()):
        raise SourceError(
            f"{name}: expected corporate actions by kind, was {str(answer)[:200]}; "
            "Alpaca's answers may have changed"
        )
    for kind, rows in answer.items():
        if kind not in FORMS:
            log.warning("%s: %d corporate actions of kind %s left out", name, len(rows), kind)
            continue
        for row in rows:
            try:
                yield FORMS[kind].action(row)
            except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
                log.warning(
                    "%s: a corporate action of kind %s left out, for %s %s: %s",
                    *(name, kind, type(error).__name__, error, str(row)[:200]),
                )


def _positive(number: float) -> float:
    if not 0 < number < float("inf"):
        raise ValueError(f"{number} is no amount or ratio")
    return float(number)
