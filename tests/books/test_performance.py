from decimal import Decimal

import pytest

from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.performance import (
    Performance,
    PriceMissing,
    measure,
    pnl_by_trade,
    tally,
)
from tests.books.desk import Desk, bought, lot


def performance(
    *,
    cash: str = "0",
    lots: list[Lot] | None = None,
    exits: list[tuple[str, str]] | None = None,
    price: str = "100",
    flow: str = "0",
    net_flows: str = "0",
    income: str = "0",
    previous_nav: str | None = None,
) -> Performance:
    """Of a book with `exits`, (trade id, pnl) pairs, and lots of XYZ at `price`."""
    pairs = [(trade_id, Decimal(pnl)) for trade_id, pnl in exits or []]
    return measure(
        cash=Decimal(cash),
        lots=lots or [],
        exit_pnls=[pnl for _, pnl in pairs],
        trade_pnls=pnl_by_trade(pairs).values(),
        prices={"XYZ": Decimal(price)},
        flow=Decimal(flow),
        net_flows=Decimal(net_flows),
        income=Decimal(income),
        previous_nav=None if previous_nav is None else Decimal(previous_nav),
    )


def test_l01_holdings_at_cost() -> None:
    desk = Desk()
    desk.buy("a", "10", "10")
    desk.buy("a", "5", "12")
    desk.sell("a", "12", "15")
    made = performance(lots=desk.held("a"), exits=[("first", "50"), ("first", "6")], price="15")
    assert (made.realised, made.holdings, made.cost, made.unrealised) == (56, 1, 36, 9)


def test_l02_counted_by_exit_and_by_trade() -> None:
    made = performance(exits=[("first", "50"), ("first", "6"), ("second", "-3")])
    exits, trades = made.by_exit, made.by_trade
    assert made.realised == 53
    assert (exits.completed, exits.winning, exits.losing) == (3, 2, 1)
    assert (exits.win_rate, exits.average) == (Decimal("66.67"), Decimal("17.67"))
    assert (trades.completed, trades.winning, trades.losing) == (2, 1, 1)
    assert (trades.win_rate, trades.average) == (Decimal("50.00"), Decimal("26.50"))
    assert (made.exits, made.winning, made.losing, made.breakeven) == (3, 2, 1, 0)


def test_l06_breakeven_is_neither_won_nor_lost() -> None:
    made = performance(exits=[("first", "0.00"), ("second", "1"), ("third", "-0.01")])
    assert (made.winning, made.losing, made.breakeven) == (1, 1, 1)
    assert made.by_exit.win_rate == Decimal("33.33")


def test_l06_a_trade_breaks_even_although_its_exits_do_not() -> None:
    made = performance(exits=[("first", "5"), ("first", "-5")])
    assert (made.by_exit.breakeven, made.by_trade.breakeven) == (0, 1)


def test_l07_nothing_sold_yet() -> None:
    made = performance(lots=[lot("A", "133", "90")])
    assert (made.realised, made.holdings, made.cost) == (0, 1, 11_970)
    for counts in (made.by_exit, made.by_trade):
        assert (counts.completed, counts.win_rate, counts.average) == (0, 0, 0)


def test_l16_a_transfer_is_not_a_loss() -> None:
    made = performance(cash="8080", flow="-2000", net_flows="8000", previous_nav="10000")
    assert (made.daily_return, made.total_return) == (Decimal("0.01"), Decimal("0.01"))


def test_a_book_with_nothing_to_earn_on_has_no_return() -> None:
    made = performance()
    assert (made.daily_return, made.total_return) == (None, None)


def test_earned_is_nav_less_what_was_put_in() -> None:
    """8.00 realised, -6.00 unrealised, and a dividend of 1.50 less a fee of 0.25."""
    desk = Desk()
    desk.pay("a", "1000")
    desk.buy("a", "10", "10")
    desk.sell("a", "4", "12")
    made = performance(
        cash=str(desk.cash["a"] + Decimal("1.25")),
        lots=desk.held("a"),
        exits=[("t", str(desk.realised("a")))],
        price="9",
        net_flows="1000",
        income="1.25",
    )
    assert (made.realised, made.unrealised, made.income) == (8, -6, Decimal("1.25"))
    earned = made.realised + made.unrealised + made.income
    assert made.nav - made.net_flows == earned == Decimal("3.25")


def test_a_holding_without_a_price_is_not_valued() -> None:
    with pytest.raises(PriceMissing, match="ABC"):
        performance(lots=[*bought(("1", "10")), lot("Z", "1", "10", symbol="ABC")])


def test_an_average_is_rounded_to_the_cent() -> None:
    assert tally([Decimal(1), ZERO, ZERO]).average == Decimal("0.33")
