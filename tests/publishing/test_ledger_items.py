"""The items of the TradeLedger table, from small ledgers."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from alchemiser_dagster.books.strategies import load_books
from alchemiser_dagster.publishing.filled_orders import FilledOrder, Part
from alchemiser_dagster.publishing.items import Item
from alchemiser_dagster.publishing.ledger_items import (
    strategy_items,
    strategy_trade_items,
    trade_item,
)
from tests.ledger.activity_lines import bust, by_hand, line, post
from tests.ledger.traded import Traded
from tests.publishing.publications import correlation, end, items_of, plan
from tests.world import write_strategies

D = Decimal
AT = "2026-11-03T20:50:00+00:00"


def only(items: list[Item] | object) -> Item:
    (item,) = items  # type: ignore[misc, attr-defined]
    return item  # type: ignore[no-any-return]


def test_an_order_is_a_trade_and_a_strategy_trade(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12.5")
    made = items_of(traded, 3)
    name = "2026-11-03.XYZ.a"
    assert only(made.trades) == {
        "PK": f"TRADE#{name}",
        "SK": "METADATA",
        "EntityType": "TRADE",
        "order_id": name,
        "client_order_id": name,
        "correlation_id": correlation(3),
        "ledger_id": "EMB1",
        "symbol": "XYZ",
        "direction": "BUY",
        "filled_qty": "10",
        "fill_price": "12.5",
        "fill_timestamp": AT,
        "order_type": "limit",
        "strategy_names": ["a"],
        "strategy_weights": {"a": "1"},
        "created_at": AT,
        "GSI1PK": f"CORR#{correlation(3)}",
        "GSI1SK": f"TRADE#{AT}#{name}",
        "GSI2PK": "SYMBOL#XYZ",
        "GSI2SK": f"TRADE#{AT}#{name}",
    }
    assert only(made.strategy_trades) == {
        "PK": "STRATEGY#a",
        "SK": f"TRADE#{AT}#{name}",
        "EntityType": "STRATEGY_TRADE",
        "strategy_name": "a",
        "order_id": name,
        "order_type": "limit",
        "symbol": "XYZ",
        "direction": "BUY",
        "weight": "1",
        "strategy_trade_value": "125",
        "quantity": "10",
        "price": "12.5",
        "fill_timestamp": AT,
        "created_at": AT,
        "GSI3PK": "STRATEGY#a",
        "GSI3SK": f"TRADE#{AT}#{name}",
    }


def test_an_order_of_two_books_is_shared_by_shares() -> None:
    """10 shares, 6 @ 12.00 and 4 @ 12.50; book `a` has 6 of them, book `b` 4."""
    order = FilledOrder(
        "broker-1", "p.1", date(2026, 11, 3), "XYZ", "sell", "limit",
        datetime(2026, 11, 3, 20, 50, tzinfo=UTC), D("11.99"), D("12.01"),
    )  # fmt: skip
    for book, quantity, price, cash in (
        ("a", "3.6", "12", "43.20"),
        ("b", "2.4", "12", "28.80"),
        ("a", "2.4", "12.5", "30.00"),
        ("b", "1.6", "12.5", "20.00"),
    ):
        order.parts.setdefault(book, Part()).add(D(quantity), D(price), D(cash))
    trade, (a, b) = trade_item(order, "EMB1"), strategy_trade_items(order)
    assert (trade["filled_qty"], trade["fill_price"]) == ("10", "12.2")
    assert trade["strategy_weights"] == {"a": "0.6", "b": "0.4"}
    assert (trade["bid_at_fill"], trade["ask_at_fill"]) == ("11.99", "12.01")
    assert (a["quantity"], a["price"], a["strategy_trade_value"]) == ("6", "12.2", "73.2")
    assert (b["weight"], b["strategy_trade_value"]) == ("0.4", "48.8")


def test_trades_and_lots_never_expire_and_signals_after_400_days(traded: Traded) -> None:
    plan(traded, 3, "a buy XYZ 0.6")
    traded.trade(3, "a buy 10 XYZ @ 12")
    made = items_of(traded, 3)
    for item in (*made.trades, *made.strategy_trades, *made.lots, *made.strategies):
        assert "ExpiresAt" not in item
    # made at the close of 2 November 2026; 400 days later it is 7 December 2027
    expires = only(made.signals)["ExpiresAt"]
    assert datetime.fromtimestamp(expires, UTC) == datetime(2027, 12, 7, 21, tzinfo=UTC)


def test_a_lot_with_its_exits(traded: Traded) -> None:
    """Two sales out of a lot of 10 @ 10.00: 4 @ 12.00 and 1 @ 9.00."""
    traded.trade(2, "a buy 10 XYZ @ 10")
    traded.trade(3, "a sell 4 XYZ @ 12")
    traded.trade(4, "a sell 1 XYZ @ 9")
    lot = only(items_of(traded, 2).lots)
    records = lot.pop("exit_records")
    assert lot == {
        "PK": "LOT#x.2026-11-02.XYZ.a.a",
        "SK": "METADATA",
        "EntityType": "STRATEGY_LOT",
        "lot_id": "x.2026-11-02.XYZ.a.a",
        "strategy_name": "a",
        "symbol": "XYZ",
        "correlation_id": correlation(2),
        "entry_order_id": "2026-11-02.XYZ.a",
        "entry_price": "10",
        "entry_qty": "10",
        "entry_timestamp": "2026-11-02T20:50:00+00:00",
        "remaining_qty": "5",
        "cost_basis": "50",
        "is_open": True,
        "realized_pnl": "7",
        "created_at": "2026-11-02T20:50:00+00:00",
        "GSI5PK": "STRATEGY_LOTS#a",
        "GSI5SK": "OPEN#XYZ#2026-11-02T20:50:00+00:00",
        "GSI6PK": "SYMBOL_LOTS#XYZ",
        "GSI6SK": "OPEN#a#2026-11-02T20:50:00+00:00",
    }
    assert records[0] == {
        "exit_id": "x.2026-11-03.XYZ.a.a",
        "exit_order_id": "2026-11-03.XYZ.a",
        "exit_timestamp": AT,
        "exit_qty": "4",
        "exit_price": "12",
        "realized_pnl": "8",
    }
    assert [record["realized_pnl"] for record in records] == ["8", "-1"]


def test_a_lot_says_how_it_stands_now_whichever_session_is_published(traded: Traded) -> None:
    traded.trade(2, "a buy 10 XYZ @ 10")
    traded.trade(4, "a sell 10 XYZ @ 12")
    for day in (2, 4):
        lot = only(items_of(traded, day).lots)
        assert (lot["is_open"], lot["remaining_qty"]) == (False, "0")
        assert lot["fully_closed_at"] == "2026-11-04T20:50:00+00:00"
        assert lot["GSI5SK"].startswith("CLOSED#XYZ#")
    assert items_of(traded, 3).lots == []


def test_after_a_split_the_shares_left_times_the_price_are_their_cost(traded: Traded) -> None:
    """10 @ 50.00, of which 4 are sold; then two for one."""
    traded.trade(2, "a buy 10 XYZ @ 50")
    traded.trade(3, "a sell 4 XYZ @ 60")
    post(traded, line("s", "SPLIT", symbol="XYZ", quantity="6", amount="0"))
    lot = only(items_of(traded, 5).lots)
    assert (lot["remaining_qty"], lot["entry_price"], lot["cost_basis"]) == ("12", "25", "300")
    sold = sum(D(record["exit_qty"]) for record in lot["exit_records"])
    assert D(lot["entry_qty"]) - sold == D(lot["remaining_qty"])


def test_what_a_bust_takes_back_is_no_trade(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    post(traded, bust("b", "x.2026-11-03.XYZ.a", "-10 XYZ 120.00"))
    for day in (3, 5):
        made = items_of(traded, day)
        assert (made.trades, made.strategy_trades) == ([], [])
        assert made.undone == [("TRADE#2026-11-03.XYZ.a", "METADATA")]
        lot = only(made.lots)
        assert (lot["is_open"], lot["entry_qty"], lot["exit_records"]) == (False, "0", [])


def test_a_sale_that_a_bust_took_back_is_no_exit(traded: Traded) -> None:
    traded.trade(2, "a buy 10 XYZ @ 10")
    traded.trade(3, "a sell 4 XYZ @ 12")
    post(traded, bust("b", "x.2026-11-03.XYZ.a", "4 XYZ -48.00"))
    lot = only(items_of(traded, 5).lots)
    assert (lot["remaining_qty"], lot["exit_records"], lot["realized_pnl"]) == ("10", [], "0")


def test_a_cross_is_a_strategy_trade_of_both_books_and_no_order(traded: Traded) -> None:
    traded.trade(2, "a buy 10 XYZ @ 10")
    traded.cross(3, "a to b 4 XYZ @ 12")
    made = items_of(traded, 3)
    assert made.trades == []
    assert [
        (item["strategy_name"], item["direction"], item["quantity"], item["order_type"])
        for item in made.strategy_trades
    ] == [("b", "BUY", "4", "cross"), ("a", "SELL", "4", "cross")]
    given, taken = made.lots
    assert given["exit_records"][0]["exit_order_id"] == "2026-11-03.XYZ"
    assert taken["entry_order_id"] == "2026-11-03.XYZ"


def test_shares_bought_by_hand_are_a_lot_without_an_order(traded: Traded) -> None:
    post(traded, by_hand("m1", "buy 5 XYZ @ 10"))
    made = items_of(traded, 5)
    lot = only(made.lots)
    assert (lot["strategy_name"], lot["entry_order_id"]) == ("unattributed", "m1")
    assert made.trades == []


@pytest.mark.parametrize("ended", [False, True])
def test_a_signal_is_executed_or_ignored_when_the_session_has_ended(
    traded: Traded, ended: bool
) -> None:
    plan(traded, 3, "a buy XYZ 0.6")
    plan(traded, 3, "a hold ABC 0.4", reason="within the band")
    traded.trade(3, "a buy 10 XYZ @ 12")
    if ended:
        end(traded, 3)
    held, bought = items_of(traded, 3).signals
    assert (held["action"], held["reasoning"], held["target_allocation"]) == (
        "HOLD",
        "within the band",
        "0.4",
    )
    assert (bought["action"], bought["executed_trade_ids"]) == ("BUY", ["2026-11-03.XYZ.a"])
    states = [held["lifecycle_state"], bought["lifecycle_state"]]
    assert states == (["IGNORED", "EXECUTED"] if ended else ["GENERATED", "GENERATED"])
    assert bought["timestamp"] == "2026-11-02T21:00:00+00:00"
    assert bought["GSI4PK"] == f"STATE#{states[1]}"
    assert bought["GSI4SK"] == "SIGNAL#2026-11-02T21:00:00+00:00#2026-11-03.a.XYZ"


def test_a_signal_is_executed_however_late_it_is_filled(traded: Traded) -> None:
    """A bust of the session after takes it back again."""
    plan(traded, 3, "a buy XYZ 0.6")
    traded.trade(3, "a buy 10 XYZ @ 12")
    end(traded, 3)
    post(traded, bust("b", "x.2026-11-03.XYZ.a", "-10 XYZ 120.00"))
    signal = only(items_of(traded, 5).signals)
    assert (signal["signal_id"], signal["lifecycle_state"]) == ("2026-11-03.a.XYZ", "IGNORED")


def test_the_signal_of_a_book_that_was_not_planned_was_ignored(traded: Traded) -> None:
    plan(traded, 3, "a hold ABC 1")
    end(traded, 3, b="no price of XYZ")
    signals = items_of(traded, 3, signals={"a": {"NOT": "1"}, "b": {"XYZ": "1"}}).signals
    assert [
        (item["strategy_name"], item["symbol"], item["lifecycle_state"], item["reasoning"])
        for item in signals
    ] == [("a", "ABC", "IGNORED", ""), ("b", "XYZ", "IGNORED", "no price of XYZ")]


def test_a_session_that_did_not_begin_has_no_items_but_the_strategies(traded: Traded) -> None:
    made = items_of(traded, 3, signals={"a": {"XYZ": "1"}})
    assert made.trades == made.strategy_trades == made.lots == made.signals == []
    assert [item["strategy_name"] for item in made.strategies] == [
        "a",
        "b",
        "unallocated",
        "unattributed",
    ]


def test_a_strategy_says_what_it_holds_and_what_it_only_looks_at(tmp_path: Path) -> None:
    books = load_books(write_strategies(tmp_path))
    momentum, nobodys = strategy_items(["unattributed", "momentum"], books)
    assert momentum == {
        "PK": "STRATEGY#momentum",
        "SK": "METADATA",
        "EntityType": "STRATEGY_METADATA",
        "strategy_name": "momentum",
        "display_name": "Momentum",
        "assets": ["GLD", "SPY", "TLT"],
        "frontrunners": [],
        "filename": "momentum.clj",
        "GSI3PK": "STRATEGIES",
        "GSI3SK": "METADATA#momentum",
    }
    assert (nobodys["strategy_name"], nobodys["assets"]) == ("unattributed", [])
