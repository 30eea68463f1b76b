"""Splits: what a share became, and what that does to the account.

A split takes effect before the session of its ex-date begins, at 04:00 New York. Positions have
the ratio's number of shares for each, at the average price divided by it. An order that waits is
adjusted for a forward split, as FINRA rule 5330 says: what is left of it grows by the ratio, cut to
whole shares if it was whole; its prices are divided by it, to the tick that is no better for the
other side than before (a buy's down, a sale's up). A reverse split cancels it. Each position leaves
an activity SPLIT with the shares added or, negative, taken away; each order an event `restated`.
Options on the shares follow where the ratio is whole: as many times the contracts, at a strike
divided by it. Those on shares that split otherwise keep their terms: not simulated.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from alchemiser_dagster.embedded.bars import SymbolBars
from alchemiser_dagster.embedded.bookkeeping import Bookkeeper
from alchemiser_dagster.embedded.clock import new_york_date
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import (
    QUANTITY_STEP,
    is_whole,
    plain,
    quantity_down,
    tick_down,
    tick_up,
)
from alchemiser_dagster.embedded.option_contracts import (
    THOUSANDTHS,
    Contract,
    is_option,
    read_contract,
)
from alchemiser_dagster.embedded.orders import Order
from alchemiser_dagster.embedded.state import Position

LARGEST_OLD_RATE = 10_000


@dataclass(frozen=True, slots=True)
class Split:
    """`new` shares for `old` ones, whole numbers, from the session of `ex_date` on."""

    symbol: str
    ex_date: date
    new: int
    old: int

    @property
    def ratio(self) -> Decimal:
        return Decimal(self.new) / self.old

    @property
    def is_forward(self) -> bool:
        return self.new > self.old

    def shares(self, before: Decimal) -> Decimal:
        return before * self.new / self.old

    def price(self, before: Decimal) -> Decimal:
        return before * self.old / self.new


def splits_between(bars: SymbolBars, first: date, last: date) -> list[Split]:
    """The splits with ex-dates from `first` to `last`."""
    found = []
    for row in range(bars.rows_until(first - timedelta(days=1)), bars.rows_until(last)):
        if bars.split[row] != 1:
            ratio = Fraction(float(bars.split[row])).limit_denominator(LARGEST_OLD_RATE)
            found.append(Split(bars.symbol, bars.date_of(row), ratio.numerator, ratio.denominator))
    return found


def apply_splits(books: Bookkeeper, market: Market) -> None:
    """Put the splits of today's session into effect on what the account has."""
    today = new_york_date(books.state.now)
    symbols = {order.symbol for order in books.state.orders.values()} | set(books.state.positions)
    roots = {contract.root for contract in map(read_contract, symbols) if contract is not None}
    shares = {s for s in symbols if s in market.bars}
    shares |= {s for s in market.bars.symbols if roots and s.replace(".", "") in roots}
    for symbol in sorted(shares):
        for split in splits_between(market.bars[symbol], today, today):
            _split_orders(books, split)
            _split_position(books, split)
            _split_options(books, split)


def _split_position(books: Bookkeeper, split: Split) -> None:
    position = books.state.positions.get(split.symbol)
    if position is None:
        return
    before = position.qty
    _restate(position, split)
    books.changes.positions.add(split.symbol)
    _note(books, split, split.symbol, position.qty - before)


def _restate(position: Position, split: Split) -> None:
    position.average_price = split.price(position.average_price).quantize(
        QUANTITY_STEP, ROUND_HALF_UP
    )
    position.qty = quantity_down(split.shares(position.qty))
    position.overnight_qty = quantity_down(split.shares(position.overnight_qty))


def _note(books: Bookkeeper, split: Split, symbol: str, added: Decimal) -> None:
    at = books.stamp()
    details = {
        "symbol": symbol,
        "date": split.ex_date.isoformat(),
        "qty": plain(added),
        "net_amount": "0",
        "new_rate": str(split.new),
        "old_rate": str(split.old),
        "status": "executed",
    }
    books.add_activity("SPLIT", at, books.next_id("SPLIT"), details)


def _split_orders(books: Bookkeeper, split: Split) -> None:
    for order in list(books.state.orders.values()):
        if order.symbol != split.symbol or not order.is_open:
            continue
        if not split.is_forward:
            books.end(order, "canceled")
            continue
        _restate_order(order, split)
        order.updated_at = books.stamp()
        books.record(order, "restated", order.updated_at)


def _restate_order(order: Order, split: Split) -> None:
    to_tick = tick_down if order.is_buy else tick_up
    if order.qty is not None:
        left = quantity_down(split.shares(order.remaining), whole=is_whole(order.remaining))
        order.qty = order.filled_qty + left
    if order.limit_price is not None:
        order.limit_price = to_tick(split.price(order.limit_price))
    if order.stop_price is not None:
        order.stop_price = to_tick(split.price(order.stop_price))
    if order.trail_price is not None:
        order.trail_price = tick_up(split.price(order.trail_price))
    if order.high_water_mark is not None:
        order.high_water_mark = split.price(order.high_water_mark)
    order.reserve_price = split.price(order.reserve_price)


def _split_options(books: Bookkeeper, split: Split) -> None:
    """Whole ratios only: orders in the old contracts end, and positions become the new ones."""
    if split.old != 1 or not split.is_forward:
        return
    root = split.symbol.replace(".", "")
    for order in list(books.state.orders.values()):
        if _is_on(order.symbol, root):
            whole = books.state.orders.get(order.parent_id or "")
            for ended in (order, whole):
                if ended is not None and ended.is_open:
                    books.end(ended, "canceled")
    for symbol in sorted(s for s in books.state.positions if _is_on(s, root)):
        old = read_contract(symbol)
        assert old is not None
        strike = (old.strike / split.new).quantize(Decimal(1) / THOUSANDTHS, ROUND_HALF_UP)
        new = Contract(old.root, old.expiration, old.is_call, strike).symbol
        position = books.state.positions.pop(symbol)
        books.changes.positions.add(symbol)
        _note(books, split, symbol, -position.qty)
        _restate(position, split)
        position.symbol = new
        books.state.positions[new] = position
        books.changes.positions.add(new)
        _note(books, split, new, position.qty)


def _is_on(symbol: str, root: str) -> bool:
    contract = read_contract(symbol) if is_option(symbol) else None
    return contract is not None and contract.root == root
