"""The ledger in a DynamoDB table on a server: what is there after one run, two, and half of one."""

from decimal import Decimal

import pytest
from sqlalchemy import insert

from alchemiser_dagster.ledger.schema import lots
from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.errors import (
    PublishingError,
    PublishingInterrupted,
    PublishingRefused,
)
from alchemiser_dagster.publishing.readers import (
    CLOSED,
    OPEN,
    published_exits,
    published_lots,
    published_lots_of_symbol,
    published_of_session,
    published_signals,
    published_strategies,
    published_strategy_trades,
    published_trades_of_symbol,
)
from tests.ledger.activity_lines import bust, post
from tests.ledger.traded import Traded, moment
from tests.publishing.interference import Interference
from tests.publishing.publications import (
    correlation,
    end,
    everything,
    items_of,
    plan,
    publish,
    session,
    unlike,
)

DAYS = (2, 3, 4)
MANY = 220
LONG = "x" * 1500
"""Makes a lot of 5 KB, as one is that was sold in many parts."""


@pytest.fixture
def week(traded: Traded) -> Traded:
    """Three sessions: purchases of both books, a cross, sales at a profit and at a loss."""
    for day, what in ((2, "a buy XYZ 0.6"), (2, "b buy ABC 1"), (3, "b hold ABC 1")):
        plan(traded, day, what)
    traded.trade(2, "a buy 10 XYZ @ 10")
    traded.trade(2, "b buy 8 ABC @ 20")
    traded.cross(3, "a to b 4 XYZ @ 12")
    traded.trade(3, "a buy 5 ABC @ 21")
    traded.trade(4, "a sell 3 XYZ @ 9")
    traded.trade(4, "b sell 8 ABC @ 22")
    for day in (2, 3):
        end(traded, day)
    return traded


def test_everything_the_ledger_has_is_published(week: Traded, ledger_table: PublishedTable) -> None:
    written = publish(week, ledger_table, *DAYS)
    assert written == {
        "strategy trades": 7,
        "trades": 5,
        "lots": 4,
        "signals": 3,
        "strategies": 4,
        "deleted": 0,
    }
    assert unlike(week, ledger_table, *DAYS) == []


def test_publishing_twice_changes_nothing(
    week: Traded, ledger_table: PublishedTable, server: Interference
) -> None:
    publish(week, ledger_table, *DAYS)
    before, writes = everything(ledger_table), server.calls["BatchWriteItem"]
    assert set(publish(week, ledger_table, *DAYS).values()) == {0}
    assert everything(ledger_table) == before
    assert server.calls["BatchWriteItem"] == writes


def test_a_range_gives_the_same_items_as_its_sessions_one_by_one_in_any_order(
    week: Traded, ledger_table: PublishedTable
) -> None:
    for day in (4, 2, 3):
        publish(week, ledger_table, day)
    made = items_of(week, *DAYS)
    expected = [*made.trades, *made.strategy_trades, *made.lots, *made.signals, *made.strategies]
    assert everything(ledger_table) == {(item["PK"], item["SK"]): item for item in expected}


def test_an_earlier_session_published_again_takes_no_lot_back_in_time(
    week: Traded, ledger_table: PublishedTable
) -> None:
    publish(week, ledger_table, *DAYS)
    before = everything(ledger_table)
    publish(week, ledger_table, 2)
    assert everything(ledger_table) == before


def test_a_bust_takes_trade_and_parts_out_of_the_table(
    week: Traded, ledger_table: PublishedTable
) -> None:
    publish(week, ledger_table, *DAYS)
    post(week, bust("b", "x.2026-11-04.XYZ.a", "3 XYZ -27.00"))
    assert {line["what"] for line in unlike(week, ledger_table, *DAYS)} >= {"exits", "sold"}
    assert publish(week, ledger_table, 5)["deleted"] == 1
    assert unlike(week, ledger_table, *DAYS, 5) == []
    keys = everything(ledger_table)
    assert not [key for key in keys if "2026-11-04.XYZ.a" in key[0] + key[1]]


@pytest.mark.parametrize("written", [0, 2, 4])
def test_a_run_that_broke_off_leaves_the_ledger_alone_and_is_completed_by_the_next(
    week: Traded, ledger_table: PublishedTable, server: Interference, written: int
) -> None:
    """The batches are: strategy trades, trades, lots, signals, strategies."""
    with week.ledger.read() as connection:
        before = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    server.refuse("BatchWriteItem", "InternalServerError", status=500, skip=written)
    with pytest.raises(PublishingInterrupted, match=ledger_table.name):
        publish(week, ledger_table, *DAYS)
    assert server.calls["BatchWriteItem"] == written + 1
    assert unlike(week, ledger_table, *DAYS) or written == 4  # only the list of strategies is left
    with week.ledger.read() as connection:
        dump = connection.connection.driver_connection.iterdump()  # type: ignore[union-attr]
        assert "\n".join(dump) == before
    server.stop()
    publish(week, ledger_table, *DAYS)
    assert unlike(week, ledger_table, *DAYS) == []
    assert published_strategies(ledger_table) == ["a", "b", "unallocated", "unattributed"]


@pytest.mark.parametrize("written", range(2))
def test_a_bust_that_was_published_by_half_is_completed(
    week: Traded, ledger_table: PublishedTable, server: Interference, written: int
) -> None:
    """The parts of the order go first, the order, by which they are found, after them."""
    publish(week, ledger_table, *DAYS)
    post(week, bust("b", "x.2026-11-04.XYZ.a", "3 XYZ -27.00"))
    server.refuse("BatchWriteItem", "InternalServerError", status=500, skip=written)
    with pytest.raises(PublishingError):
        publish(week, ledger_table, 5)
    server.stop()
    publish(week, ledger_table, 5)
    assert unlike(week, ledger_table, *DAYS, 5) == []


def test_a_table_of_another_account_is_not_written_to(
    week: Traded, ledger_table: PublishedTable
) -> None:
    ledger_table.claim("PA1")
    with pytest.raises(PublishingRefused, match="of the account EMB1, was of PA1"):
        publish(week, ledger_table, *DAYS)
    assert everything(ledger_table) == {}


def test_open_lots_by_strategy_and_symbol_are_oldest_first(
    week: Traded, ledger_table: PublishedTable
) -> None:
    week.trade(5, "a buy 1 XYZ @ 11")
    publish(week, ledger_table, *DAYS, 5)
    held = published_lots(ledger_table, "a", state=OPEN, symbol="XYZ")
    assert [(lot["entry_timestamp"][:10], lot["remaining_qty"]) for lot in held] == [
        ("2026-11-02", "3"),
        ("2026-11-05", "1"),
    ]
    assert [lot["symbol"] for lot in published_lots(ledger_table, "b", state=CLOSED)] == ["ABC"]
    assert len(list(published_lots(ledger_table, "a"))) == 3
    with pytest.raises(ValueError, match="OPEN or CLOSED with the symbol XYZ"):
        published_lots(ledger_table, "a", symbol="XYZ")


def test_lots_of_a_symbol_over_all_strategies(week: Traded, ledger_table: PublishedTable) -> None:
    publish(week, ledger_table, *DAYS)
    held = published_lots_of_symbol(ledger_table, "XYZ", state=OPEN)
    assert [(lot["strategy_name"], lot["remaining_qty"]) for lot in held] == [
        ("a", "3"),
        ("b", "4"),
    ]


def test_exits_by_strategy(week: Traded, ledger_table: PublishedTable) -> None:
    publish(week, ledger_table, *DAYS)
    assert [exit_["realized_pnl"] for exit_ in published_exits(ledger_table, "a")] == ["8", "-3"]
    assert [exit_["realized_pnl"] for exit_ in published_exits(ledger_table, "b")] == ["16"]


def test_signals_by_lifecycle(week: Traded, ledger_table: PublishedTable) -> None:
    publish(week, ledger_table, *DAYS)
    executed = published_signals(ledger_table, "EXECUTED")
    assert [signal["signal_id"] for signal in executed] == ["2026-11-02.a.XYZ", "2026-11-02.b.ABC"]
    (ignored,) = published_signals(ledger_table, "IGNORED")
    assert ignored["signal_id"] == "2026-11-03.b.ABC"
    assert list(published_signals(ledger_table, "GENERATED")) == []


def test_a_signal_changes_its_lifecycle_when_the_session_ends(
    traded: Traded, ledger_table: PublishedTable
) -> None:
    plan(traded, 3, "a hold XYZ 1")
    publish(traded, ledger_table, 3)
    assert len(list(published_signals(ledger_table, "GENERATED"))) == 1
    end(traded, 3)
    publish(traded, ledger_table, 3)
    assert list(published_signals(ledger_table, "GENERATED")) == []
    assert len(list(published_signals(ledger_table, "IGNORED"))) == 1


def test_trades_by_session_symbol_and_strategy(week: Traded, ledger_table: PublishedTable) -> None:
    publish(week, ledger_table, *DAYS)
    of_session = published_of_session(ledger_table, correlation(2))
    assert [item["EntityType"] for item in of_session] == ["SIGNAL", "SIGNAL", "TRADE", "TRADE"]
    trades = published_of_session(ledger_table, correlation(4), "TRADE#")
    assert sorted(trade["symbol"] for trade in trades) == ["ABC", "XYZ"]
    bought_and_sold = published_trades_of_symbol(ledger_table, "ABC")
    assert [(t["direction"], t["filled_qty"]) for t in bought_and_sold] == [
        ("BUY", "8"),
        ("BUY", "5"),
        ("SELL", "8"),
    ]
    own = [(t["direction"], t["symbol"]) for t in published_strategy_trades(ledger_table, "a")]
    assert own == [("BUY", "XYZ"), ("BUY", "ABC"), ("SELL", "XYZ"), ("SELL", "XYZ")]


def test_more_lots_than_a_page_holds_are_all_read(
    traded: Traded, ledger_table: PublishedTable, server: Interference
) -> None:
    """A Query answers with at most 1 MB; a reader of the first page would miss half of them."""
    with traded.ledger.write() as connection:
        connection.execute(
            insert(lots),
            [
                {
                    "lot_id": f"{number}.{LONG}",
                    "book": "a",
                    "symbol": "XYZ",
                    "session": session(3),
                    "entry_at": moment(3),
                    "entry_quantity": Decimal(1),
                    "entry_price": Decimal(10),
                    "entry_cost": Decimal(10),
                    "quantity": Decimal(1),
                    "cost": Decimal(10),
                }
                for number in range(MANY)
            ],
        )
    publish(traded, ledger_table, 3)
    before = server.calls["Query"]
    found = list(published_lots(ledger_table, "a", state=OPEN, symbol="XYZ"))
    assert server.calls["Query"] - before >= 2
    assert len({lot["lot_id"] for lot in found}) == len(found) == MANY
    assert unlike(traded, ledger_table, 3) == []


def test_a_difference_is_listed_with_what_both_say(
    week: Traded, ledger_table: PublishedTable
) -> None:
    publish(week, ledger_table, *DAYS)
    (lot,) = published_lots(ledger_table, "b", state=OPEN)
    signal = next(published_signals(ledger_table, "EXECUTED"))
    ledger_table.bring([lot | {"remaining_qty": "5"}])
    ledger_table.remove([(signal["PK"], signal["SK"])])
    assert unlike(week, ledger_table, *DAYS) == [
        {"book": "b", "what": "shares", "ledger": "4.000000000", "published": "5"},
        {"book": "all", "what": "shares of XYZ", "ledger": "7.000000000", "published": "8"},
        {
            "book": "all",
            "what": "signals executed in 2026-11-02",
            "ledger": "2",
            "published": "1",
        },
    ]


def test_nothing_published_is_a_difference_of_everything(
    week: Traded, ledger_table: PublishedTable
) -> None:
    found = {(line["book"], line["what"]) for line in unlike(week, ledger_table, *DAYS)}
    assert {
        ("a", "open_lots"),
        ("a", "realised"),
        ("b", "bought"),
        ("all", "shares of XYZ"),
    } < found
