"""The embedded broker pays, charges, splits and takes back; every morning the books sum to it.

XYZ is at 100.00, splits two for one on Thursday 2026-11-05, is at 50.00 from then on, and pays 0.50
a share on Friday. ABC is at 50.00. The account has 10,000 dollars in books `a` and `b`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from alchemiser_dagster.embedded import REALISTIC, ControlClient, EmbeddedBroker
from alchemiser_dagster.execution.activities import asked_since, post_new_activities
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.guards import embedded_gateway
from alchemiser_dagster.execution.identities import books_not_rebuilt, journal_broken
from alchemiser_dagster.ledger.activity_posting import PostedActivity
from alchemiser_dagster.ledger.block_records import (
    NewBlock,
    NewOrder,
    block_id,
    intend_order,
    update_order,
)
from alchemiser_dagster.ledger.opening import BookTerms, open_account, open_books
from alchemiser_dagster.ledger.posting import post_executions
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.schema import UNATTRIBUTED
from alchemiser_dagster.ledger.session_records import (
    NewTrade,
    PlannedBook,
    begin_session,
    complete_session,
    record_plans,
    trade_id,
)
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import NEW_YORK, session_close, sessions_between

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 11, day) for day in range(2, 7))
TERMS = {"a": BookTerms(Decimal("0.6")), "b": BookTerms(Decimal("0.4"))}
D = Decimal


def market() -> pl.DataFrame:
    rows = []
    for session in sessions_between(date(2026, 8, 3), date(2026, 11, 30)):
        close, adjusted = (100.0, 49.5) if session < THURSDAY else (50.0, 49.5)
        if session >= FRIDAY:
            adjusted = 50.0
        split = 2.0 if session == THURSDAY else None
        for symbol, at, adj, ratio in (("XYZ", close, adjusted, split), ("ABC", 50.0, 50.0, None)):
            rows.append((symbol, session, at, at, at, at, 5e6, adj, ratio))
    columns = ["symbol", "date", "open", "high", "low", "close", "volume", "adj_close", "split"]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(columns, pl.Float64) | {"symbol": pl.String, "date": pl.Date},
        orient="row",
    )  # fmt: skip


@dataclass
class Account:
    """A ledger and its account at the broker, whose clock is in the tester's hand."""

    ledger: Ledger
    gateway: Gateway
    control: ControlClient

    def go_to(self, session: date) -> None:
        """A quarter of an hour before the close of a session."""
        self.control.advance_to(session_close(session) - timedelta(minutes=15))

    def today(self) -> date:
        return self.gateway.clock().now.astimezone(NEW_YORK).date()

    def post(self) -> list[PostedActivity]:
        """Open today's session."""
        return post_new_activities(self.gateway, self.ledger, self.today())

    def trade(self, what: str, *, posted: bool = True, seen: bool = True, **books: int) -> str:
        """Trade for books, "buy XYZ", in one order; its client id.

        Without `seen`, the ledger does not know that the broker has taken it.
        """
        side, symbol = what.split()
        session, at = self.today(), self.gateway.clock().now
        shares = {trade_id(session, b, symbol, side): D(q) for b, q in books.items()}
        begin_session(
            self.ledger, session, books, opens_at=at, closes_at=session_close(session), at=at
        )
        planned = [
            PlannedBook(
                b, D(5000), "schedule", [NewTrade(b, symbol, side, D(q), None, is_exit=False)]
            )
            for b, q in books.items()
        ]
        record_plans(self.ledger, session, planned, [NewBlock(symbol, side, shares)], {})
        name = f"{session}.{symbol}.{side}"
        total = sum(shares.values(), D(0))
        intend_order(
            self.ledger,
            NewOrder(
                client_order_id=name, block_id=block_id(session, symbol, 1), attempt=1, step=1,
                order_type="market", quantity=total, limit_price=None, notional=D(5000),
                allocations=shares, at=at,
            ),
        )  # fmt: skip
        order_id = self.submit(name, what, total)
        if seen:
            update_order(self.ledger, name, "filled", broker_order_id=order_id)
        if posted:
            self.post_executions(name)
        return name

    def submit(self, name: str, what: str, shares: Decimal) -> str:
        side, symbol = what.split()
        order = self.gateway.submit(
            client_order_id=name, symbol=symbol, side=side, quantity=shares, limit_price=None
        )
        return order.order_id

    def post_executions(self, name: str) -> None:
        order = self.gateway.order(name)
        assert order is not None
        since = self.gateway.clock().now - timedelta(days=1)
        post_executions(self.ledger, name, self.gateway.executions(since)[order.order_id])

    def bust(self, symbol: str) -> None:
        """The venue declares the last execution in a symbol void."""
        self.control.add_fault(action="bust_fill", symbol=symbol, times=1)
        self.gateway.clock()
        assert self.control.faults()[-1]["fired"] == 1

    def holdings(self) -> dict[str, dict[str, Decimal]]:
        with self.ledger.read() as connection:
            return positions(connection)

    def cash(self) -> dict[str, Decimal]:
        with self.ledger.read() as connection:
            return book_cash(connection)

    def sums_to_broker(self) -> bool:
        held: dict[str, Decimal] = {}
        for own in self.holdings().values():
            for symbol, shares in own.items():
                held[symbol] = held.get(symbol, D(0)) + shares
        there = {s: position.quantity for s, position in self.gateway.positions().items()}
        with self.ledger.read() as connection:
            assert [*books_not_rebuilt(connection), *journal_broken(connection)] == []
        assert {s: q for s, q in held.items() if q != 0} == there
        assert sum(self.cash().values()) == self.gateway.account().cash
        return True


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """On Tuesday at 15:45; the account was opened on Monday evening."""
    with EmbeddedBroker(
        market(),
        tmp_path / "broker.db",
        opened_at=session_close(MONDAY) + timedelta(hours=1),
        opening_cash=D(10_000),
        profile=REALISTIC,
    ) as broker:
        control = broker.control()
        gateway = embedded_gateway(
            broker.url, broker.api_key, broker.secret_key, wait=control.advance
        )
        ledger = Ledger.at(tmp_path / "ledger.db")
        at, number = gateway.clock().now, gateway.account().number
        open_account(ledger, account_number=number, inception=MONDAY, cash=D(10_000), at=at)
        open_books(ledger, TERMS, session=MONDAY, at=at)
        made = Account(ledger, gateway, control)
        made.go_to(TUESDAY)
        yield made
        ledger.close()


def test_a_week_of_what_brokers_do(account: Account) -> None:
    assert account.post() == []
    account.trade("buy XYZ", a=10, b=5)
    assert account.sums_to_broker()

    account.go_to(WEDNESDAY)
    account.control.move_cash(500)
    before = account.cash()
    account.post()  # the deposit, and Tuesday's fees
    assert account.sums_to_broker()
    assert account.cash()["a"] - before["a"] == 300
    account.trade("sell XYZ", a=4)

    account.go_to(THURSDAY)
    kinds = {done.activity.kind: done.treatment for done in account.post()}
    assert kinds["SPLIT"] == "split: XYZ from 11 shares to 22"
    assert kinds["FEE"].startswith("fee: a -")
    assert account.holdings() == {"a": {"XYZ": D(12)}, "b": {"XYZ": D(10)}}
    assert account.sums_to_broker()

    account.go_to(FRIDAY)
    before = account.cash()
    (done,) = account.post()
    assert done.treatment == "dividend: a 6, b 5"
    assert account.cash()["a"] - before["a"] == 6
    account.control.move_cash(-1234.56)
    (done,) = account.post()
    assert done.activity.kind == "CSW"
    assert account.sums_to_broker()
    assert account.post() == []


def test_our_executions_are_ours_and_others_are_unattributed(account: Account) -> None:
    """One of ours is posted, one only known at the broker, and one is somebody else's."""
    account.trade("buy XYZ", a=2)
    account.submit("by hand", "buy ABC", D(3))
    account.go_to(WEDNESDAY)
    account.trade("buy ABC", b=4, posted=False, seen=False)
    done = [one for one in account.post() if one.activity.kind == "FILL"]
    assert {one.activity.quantity: one.treatment for one in done} == {
        D(4): "posted late, of 2026-11-04.ABC.buy",
        D(3): "manual trade: 3 ABC and -150.03 dollars to unattributed",
    }
    assert account.holdings() == {
        "a": {"XYZ": D(2)},
        "b": {"ABC": D(4)},
        UNATTRIBUTED: {"ABC": D(3)},
    }
    assert account.sums_to_broker()
    account.submit("by hand too", "sell ABC", D(5))
    account.post()
    assert account.holdings()[UNATTRIBUTED] == {"ABC": D(-2)}
    assert account.sums_to_broker()


def test_a_fill_that_the_venue_takes_back_next_morning(account: Account) -> None:
    account.trade("buy XYZ", a=2, b=4)
    account.go_to(WEDNESDAY)
    account.post()
    account.bust("XYZ")
    (done,) = account.post()
    assert (done.activity.kind, done.warns) == ("MISC", True)
    assert account.holdings() == {}
    assert account.sums_to_broker()


def test_a_sale_by_hand_that_the_venue_takes_back(account: Account) -> None:
    account.trade("buy XYZ", a=4)
    account.submit("by hand", "sell XYZ", D(3))
    account.bust("XYZ")
    account.post()
    assert account.holdings() == {"a": {"XYZ": D(4)}}
    assert account.sums_to_broker()


def test_a_bust_waits_until_what_it_takes_back_is_posted(account: Account) -> None:
    account.trade("buy XYZ", a=4)
    account.go_to(WEDNESDAY)
    account.post()
    account.trade("sell XYZ", a=1, posted=False)
    account.bust("XYZ")
    late, bust = account.post()
    assert late.treatment.startswith("posted late")
    assert bust.treatment.startswith("postponed: expected the execution")
    account.post()
    assert account.holdings() == {"a": {"XYZ": D(4)}}
    assert account.sums_to_broker()


def test_a_contract_bought_by_hand(account: Account) -> None:
    account.submit("by hand", "buy XYZ261218C00100000", D(1))
    account.post()
    assert account.sums_to_broker()


def test_the_broker_is_asked_from_five_days_before_what_is_posted(account: Account) -> None:
    """But never from before the account was opened; fees of a past session come late."""

    def since() -> datetime:
        with account.ledger.read() as connection:
            return asked_since(connection)

    opened = session_close(MONDAY) + timedelta(hours=1)
    assert since() == opened
    account.control.move_cash(100)
    account.post()
    assert since() == opened
    later = date(2026, 11, 13)
    account.go_to(later)
    account.trade("buy ABC", a=2)
    complete_session(account.ledger, later, "success", account.gateway.clock().now)
    assert since() == datetime(2026, 11, 8, tzinfo=NEW_YORK)
    account.go_to(date(2026, 11, 16))
    (done,) = account.post()
    assert (done.activity.kind, done.activity.dated) == ("FEE", later)
    assert account.sums_to_broker()
