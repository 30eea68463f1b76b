"""A trading process that is killed: started again, it leaves what an undisturbed one would.

The broker runs in a process of its own and knows nothing of all this. What is compared with it
afterwards is the ledger's file, and nothing that a killed process had in its memory.
"""

import signal
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import func, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.planning import DUST
from alchemiser_dagster.commands.replay import dagster_instance
from alchemiser_dagster.defs import automation
from alchemiser_dagster.defs.resources import TradingLock
from alchemiser_dagster.defs.trading import is_announced
from alchemiser_dagster.execution.desk import DEPLOYMENT
from alchemiser_dagster.execution.identities import books_not_rebuilt, journal_broken
from alchemiser_dagster.ledger.queries import outcomes, positions, the_session
from alchemiser_dagster.ledger.schema import blocks, crosses, orders
from alchemiser_dagster.ledger.session_records import session_prices
from tests.defs.killed_account import KilledAccount, end_of, killed_account
from tests.defs.trading_process import (
    NOTHING_TO_DO,
    TRADED,
    Call,
    Insert,
    Moment,
    processes,
    trade_beside_another,
)

KILLED = -signal.SIGKILL
IN_MEMORY = Path("/dev/shm")
"""A file system without a disk, on Linux: what a killed process wrote is kept on either."""
SALE, PURCHASE = ".S.", ".B."
"""In the id of an order."""
ROUND_1, ROUND_2 = ".1'", ".2'"
"""At the end of the id of a block."""

MOMENTS: list[Moment] = [
    Call("before", "defs.trading.check_gate"),
    Call("after", "defs.trading.check_gate"),
    Call("before", "execution.settlement.finish_earlier"),
    Call("before", "execution.opening.open_session"),
    Insert("session_books"),
    Insert("session_books", at_commit=True),
    Call("before", "execution.opening.record_snapshot"),
    Call("after", "execution.opening.open_session"),
    Call("before", "execution.preparation.plan_session"),
    Insert("trades"),
    Insert("trades", at_commit=True),
    Call("after", "execution.preparation.plan_session"),
    Call("before", "execution.phases.start_sales"),
    Call("after", "execution.phases.start_sales"),
    Call("before", "defs.resources.TradingFloor.finish", ROUND_1),
    Insert("orders"),
    Insert("orders", at_commit=True),
    Call("before", "execution.gateway.Gateway.submit", SALE),
    Call("after", "execution.gateway.Gateway.submit", SALE),
    Call("after", "execution.orders._send", SALE),
    Call("before", "execution.gateway.Gateway.cancel"),
    Call("after", "execution.gateway.Gateway.cancel"),
    Insert("executions"),
    Insert("fills"),
    Insert("cash_entries"),
    Insert("lot_exits"),
    Insert("executions", at_commit=True),
    Call("before", "execution.walk.record_end", "FILLED"),
    Call("after", "execution.walk.record_end", "FILLED"),
    Call("after", "execution.step.end_block"),
    Call("after", "defs.resources.TradingFloor.finish", ROUND_1),
    Call("before", "execution.phases.confirm_cash"),
    Call("after", "execution.phases.confirm_cash"),
    Call("before", "execution.phases.size"),
    Insert("crosses"),
    Insert("fills"),
    Insert("crosses", at_commit=True),
    Call("after", "execution.phases.record_sizing"),
    Call("after", "execution.phases.size"),
    Call("before", "execution.phases.start_purchases"),
    Call("after", "execution.phases.start_purchases"),
    Call("before", "defs.resources.TradingFloor.finish", ROUND_2),
    Insert("order_allocations"),
    Call("before", "execution.gateway.Gateway.submit", PURCHASE),
    Call("after", "execution.gateway.Gateway.submit", PURCHASE),
    Call("after", "execution.orders._send", PURCHASE),
    Insert("executions"),
    Insert("lots"),
    Insert("executions", at_commit=True),
    Call("before", "execution.walk.record_end", "FILLED"),
    Call("after", "defs.resources.TradingFloor.finish", ROUND_2),
    Call("before", "execution.settlement.settle"),
    Call("before", "execution.settlement.record_outcome"),
    Call("before", "execution.settlement.complete_session"),
    Call("after", "execution.settlement.settle"),
    Call("after", "defs.trading.announce"),
]
"""Every boundary of every op, and what lies between them, in the order of a session."""

AROUND_AN_ORDER: list[Moment] = [
    Call("before", "execution.gateway.Gateway.submit", SALE),
    Insert("lot_exits"),
    Call("after", "execution.phases.record_sizing"),
    Call("after", "execution.gateway.Gateway.submit", PURCHASE),
    Insert("lots", at_commit=True),
    Call("before", "execution.settlement.complete_session"),
]


@pytest.fixture(scope="module")
def account() -> Iterator[KilledAccount]:
    """The account after a first session in which nobody was killed."""
    with (
        tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.exists() else None) as folder,
        killed_account(Path(folder)) as account,
    ):
        account.open_next_window()
        assert account.run() == TRADED
        check(account)
        yield account


def check(account: KilledAccount) -> None:
    """The session has ended as if nothing had happened."""
    check_outcome(account)
    check_orders(account)
    assert account.differences() == []
    ledger = account.ledger
    with ledger.read() as connection:
        assert books_not_rebuilt(connection) == []
        assert journal_broken(connection) == []
    ledger.close()


def check_outcome(account: KilledAccount) -> None:
    """A success, and every book holds what it wanted, give or take what the market moved."""
    ledger = account.ledger
    prices = {s: quoted.price for s, quoted in session_prices(ledger, account.session).items()}
    with ledger.read() as connection:
        row = the_session(connection, account.session)
        ended = {book.book: book for book in outcomes(connection, account.session)}
        held = positions(connection)
    ledger.close()
    assert row is not None
    assert (row.state, row.outcome) == ("complete", "success")
    assert {book: found.state for book, found in ended.items()} == dict.fromkeys(ended, "traded")
    assert held.keys() == account.wishes.keys()
    for book, weights in account.wishes.items():
        for symbol in held[book].keys() | weights.keys():
            wanted = Decimal(weights.get(symbol, "0")) * DEPLOYMENT * ended[book].capital
            worth = held[book].get(symbol, ZERO) * prices[symbol]
            close = pytest.approx(wanted, rel=Decimal("0.01"), abs=DUST)
            assert worth == close, (book, symbol)
    with dagster_instance(account.home) as instance:
        assert is_announced(instance, account.session)


def check_orders(account: KilledAccount) -> None:
    """The broker had every intent once, and nothing else; no block was traded beyond its size."""
    sent = account.sent()
    ledger = account.ledger
    with ledger.read() as connection:
        known = {
            row.client_order_id: row
            for row in connection.execute(
                select(orders, blocks.c.quantity.label("block_quantity"))
                .join(blocks, blocks.c.block_id == orders.c.block_id)
                .where(blocks.c.session == account.session)
            )
        }
    ledger.close()
    names = [order["client_order_id"] for order in sent]
    assert sorted(names) == sorted(known)
    steps = [(known[n].block_id, known[n].attempt, known[n].step) for n in names]
    assert len(set(steps)) == len(steps)
    filled: dict[str, Decimal] = {}
    for order in sent:
        block = known[order["client_order_id"]]
        filled[block.block_id] = filled.get(block.block_id, ZERO) + Decimal(order["filled_qty"])
        assert filled[block.block_id] <= block.block_quantity


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([*MOMENTS[::6], MOMENTS[-1]], id="a few"),
        pytest.param(MOMENTS, id="all", marks=pytest.mark.campaign),
    ],
)
def test_killed_again_and_again_in_one_session(
    account: KilledAccount, moments: list[Moment]
) -> None:
    account.open_next_window()
    for moment in moments:
        assert account.run(moment) == KILLED, f"expected to die {moment}"
    assert account.run() == NOTHING_TO_DO  # but to tell Dagster
    check(account)
    with account.ledger.read() as connection:
        crossed = select(func.count()).where(crosses.c.session == account.session)
        assert connection.execute(crossed).scalar_one() == 1


@pytest.mark.parametrize(
    "moment",
    [
        *AROUND_AN_ORDER[:2],
        *(pytest.param(moment, marks=pytest.mark.campaign) for moment in AROUND_AN_ORDER[2:]),
    ],
    ids=str,
)
def test_killed_once_and_started_again(account: KilledAccount, moment: Moment) -> None:
    account.open_next_window()
    assert account.run(moment) == KILLED
    assert account.run() == TRADED
    check(account)


def test_of_two_processes_started_together_one_trades(account: KilledAccount) -> None:
    """F45. The one that is in the gate stays there until the other has come to its end."""
    account.open_next_window()
    other_ended = processes.Event()
    both = [account.start(trade_beside_another, other_ended) for _ in range(2)]
    assert sorted(end_of(process) for process in both) == [TRADED, NOTHING_TO_DO]
    check(account)


def test_a_run_whose_process_is_gone_stands_in_nobodys_way(
    account: KilledAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To Dagster it goes on for ever, as long as nobody is left to say that it does not."""
    account.open_next_window()
    assert account.run(Call("after", "execution.gateway.Gateway.submit")) == KILLED
    lock = TradingLock(records=account.records)
    under_way = dg.RunsFilter(
        tags={"dagster/partition": account.session.isoformat()},
        statuses=[dg.DagsterRunStatus.STARTED],
    )
    with dagster_instance(account.home) as instance:
        automation.end_orphans(instance, lock)
        assert instance.get_runs_count(under_way) == 1  # it has only just begun
        monkeypatch.setattr(automation, "ORPHANED_SECONDS", 0)
        another = TradingLock(records=account.records)
        assert another.acquire()
        automation.end_orphans(instance, lock)
        assert instance.get_runs_count(under_way) == 1  # somebody is trading
        another.release()
        automation.end_orphans(instance, lock)
        assert instance.get_runs_count(under_way) == 0
    assert account.run() == TRADED
    check(account)
