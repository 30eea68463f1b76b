from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.lots import Lot, LotError, LotExit, book_fifo
from alchemiser_dagster.books.money import fill_cash

OPENED = datetime(2026, 11, 2, 20, 45, tzinfo=UTC)


def bought(*purchases: tuple[str, str]) -> list[Lot]:
    """Lots A, B, ... from (quantity, price) pairs, a minute apart."""
    return [
        Lot(
            lot_id=chr(ord("A") + i),
            symbol="XYZ",
            entry_at=OPENED + timedelta(minutes=i),
            entry_quantity=Decimal(quantity),
            entry_price=Decimal(price),
            quantity=Decimal(quantity),
            cost=fill_cash(Decimal(quantity), Decimal(price)),
        )
        for i, (quantity, price) in enumerate(purchases)
    ]


def sell(lots: list[Lot], quantity: str, price: str) -> tuple[list[Lot], list[LotExit]]:
    shares, at = Decimal(quantity), Decimal(price)
    return book_fifo(lots, quantity=shares, price=at, proceeds=fill_cash(shares, at))


def test_the_oldest_lot_goes_first() -> None:
    lots, exits = sell(bought(("10", "10"), ("5", "12")), "12", "15")
    assert [(e.lot_id, e.quantity, e.pnl) for e in exits] == [("A", 10, 50), ("B", 2, 6)]
    assert [(lot.quantity, lot.cost) for lot in lots] == [(0, 0), (3, 36)]


def test_a_loss_after_two_gains() -> None:
    lots, first = sell(bought(("10", "10"), ("5", "12")), "12", "15")
    _, second = sell(lots, "3", "11")
    pnls = [e.pnl for e in first + second]
    assert pnls == [50, 6, -3]
    assert sum(pnls) == 53


def test_one_lot_sold_in_two_parts() -> None:
    lots, first = sell(bought(("10", "10")), "4", "12")
    _, second = sell(lots, "6", "13")
    assert sum(e.pnl for e in first + second) == 26


def test_a_book_cannot_sell_what_it_does_not_own() -> None:
    with pytest.raises(LotError, match="expected lots of at least 6 shares to sell from, was 5"):
        sell(bought(("5", "10")), "6", "12")


def test_nothing_is_not_a_sale() -> None:
    with pytest.raises(LotError, match="positive quantity"):
        sell(bought(("5", "10")), "0", "12")


quantities = st.decimals(min_value="0.000001", max_value="500", places=6)
prices = st.decimals(min_value="0.01", max_value="900", places=2)


@given(
    st.lists(st.tuples(quantities, prices), min_size=1, max_size=6),
    st.lists(st.tuples(quantities, prices), max_size=6),
    prices,
)
def test_cash_in_equals_cash_out(
    purchases: list[tuple[Decimal, Decimal]],
    sales: list[tuple[Decimal, Decimal]],
    last_price: Decimal,
) -> None:
    """Whatever is sold and however, realised P&L is proceeds less cost, and nothing is lost."""
    lots = bought(*((str(q), str(p)) for q, p in purchases))
    paid = sum(lot.cost for lot in lots)
    received = realised = Decimal(0)
    all_there_is = sum((lot.quantity for lot in lots), Decimal(0))
    for wanted, price in [*sales, (all_there_is, last_price)]:
        part = min(sum((lot.quantity for lot in lots), Decimal(0)), wanted)
        if part == 0:
            continue
        lots, exits = sell(lots, str(part), str(price))
        received += fill_cash(part, price)
        realised += sum(e.pnl for e in exits)
        assert sum(e.quantity for e in exits) == part
    assert realised == received - paid
    assert sum(lot.cost for lot in lots) == 0
