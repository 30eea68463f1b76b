"""The table of corporate actions: what explains a jump of a price, or the end of a history.

One row per action, sorted by symbol, ex_date and kind:

==========  =======  ===============================================================
column      type     meaning
==========  =======  ===============================================================
symbol      String   the broker's spelling; of those whose holders something happens to
ex_date     Date     the first session at prices after the action
kind        String   one of `KINDS`
amount      Float64  US dollars of cash per share; null where there is none
ratio       Float64  shares after it per share before it, or of the new symbol per share
                     of the old; null where shares stay what they are
new_symbol  String   what is held afterwards, or what is handed out; null for none
==========  =======  ===============================================================

    dividend        0.35 a share                       amount 0.35
    split           four for one; one for ten          ratio 4; ratio 0.1
    stock_dividend  one share for twenty               ratio 1.05
    spin_off        one share of KID for three         ratio 0.333, new_symbol KID
    merger          54 dollars; half a share of BUYER  amount 54; ratio 0.5, new_symbol BUYER
    name_change     FB is META from now on             new_symbol META
    removal         redeemed, or worthless             amount if there is any
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import polars as pl

from alchemiser_dagster.market.symbols import broker_symbol

KINDS = (
    "dividend",
    "split",
    "stock_dividend",
    "spin_off",
    "merger",
    "name_change",
    "removal",
)
ACTIONS_SCHEMA = pl.Schema(
    {
        "symbol": pl.String(),
        "ex_date": pl.Date(),
        "kind": pl.String(),
        "amount": pl.Float64(),
        "ratio": pl.Float64(),
        "new_symbol": pl.String(),
    }
)


class Action(NamedTuple):
    """One row of the table."""

    symbol: str
    ex_date: date
    kind: str
    amount: float | None = None
    ratio: float | None = None
    new_symbol: str | None = None


def empty_actions() -> pl.DataFrame:
    """A table of actions without rows."""
    return ACTIONS_SCHEMA.to_frame()


def actions_table(actions: Iterable[Action]) -> pl.DataFrame:
    """The table of `actions`, each once, sorted; symbols may be spelled in any way."""
    rows = [
        action._replace(
            symbol=broker_symbol(action.symbol),
            new_symbol=broker_symbol(action.new_symbol) if action.new_symbol else None,
        )
        for action in actions
    ]
    return pl.DataFrame(sorted(set(rows), key=_order), schema=ACTIONS_SCHEMA, orient="row")


def select_actions(
    actions: pl.DataFrame, symbols: Iterable[str], first: date, last: date
) -> pl.DataFrame:
    """The actions of `symbols` (any spelling) from `first` to `last`, both included.

    An action that ends in one of the symbols counts as well: a new name is asked for by the new.
    """
    wanted = sorted({broker_symbol(symbol) for symbol in symbols})
    concerned = pl.col("symbol").is_in(wanted) | pl.col("new_symbol").is_in(wanted).fill_null(False)
    return actions.filter(concerned, pl.col("ex_date").is_between(first, last))


def _order(action: Action) -> tuple[object, ...]:
    return (
        action.symbol,
        action.ex_date,
        action.kind,
        action.amount or 0.0,
        action.ratio or 0.0,
        action.new_symbol or "",
    )
