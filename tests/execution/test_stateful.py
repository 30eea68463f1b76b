"""The books' identities under any course of sessions, faults, deaths and other people's doings.

A machine trades session after session, phase by phase, and between and during the phases anything
may happen: the broker loses answers, fills in part, rejects, cancels late; somebody trades in the
account, pays in or out, pulls a brake; the venue voids a trade; the program dies at any commit or
request and is started again on the same files. What must hold (see `sums`) holds after every step;
and when everybody has calmed down, the next session comes to its end and nothing is left to post.
"""

import logging
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import polars as pl
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import select

from alchemiser_dagster.embedded import InProcessBroker, Profile
from alchemiser_dagster.embedded.orders import OrderRequest
from alchemiser_dagster.embedded.refusals import RefusalError
from alchemiser_dagster.execution import opening, phases, preparation, settlement
from alchemiser_dagster.execution.desk import WINDOW, Desk
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gate import SessionRefused, check_gate
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.execution.resolution import TooEarly
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.ledger.queries import the_session
from alchemiser_dagster.ledger.rails import (
    ACCOUNT,
    Rail,
    book_scope,
    restricting_rows,
    set_rail,
    symbol_scope,
)
from alchemiser_dagster.ledger.schema import account as account_table
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import next_session, session_close, sessions_between

from .conftest import INCEPTION, LEVELS
from .fused import Fuse, FusedLedger, FusedTransport, Killed
from .sums import BY_HAND, check_all, not_posted

SYMBOLS = sorted(LEVELS)
BOOKS = {
    "a": BookTerms(Decimal("0.5")),
    "b": BookTerms(Decimal("0.3")),
    "c": BookTerms(Decimal("0.1")),
}
REPORTED = (BrokerError, SessionRefused, TooEarly)
"""What a run may end with when the broker is bad enough; it is then run again."""

ORDER = {"method": "POST", "path": "/v2/orders"}
CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}
READ_ORDERS = {"method": "GET", "path": "/v2/orders*"}
FILLS = {"path": "/v2/account/activities*"}
AFTER = {"stage": "after_commit"}
FAULTS: Mapping[str, dict[str, Any]] = {
    "lost before": {"action": "reset", "match": ORDER},
    "lost after": {"action": "reset", "match": ORDER, **AFTER},
    "late": {"action": "delay", "seconds": 14, "match": ORDER},
    "504 before": {"action": "status", "status": 504, "match": ORDER},
    "504 after": {"action": "status", "status": 504, "match": ORDER, **AFTER},
    "cut": {"action": "truncate_body", "match": ORDER, **AFTER},
    "too many": {"action": "status", "status": 429, "match": ORDER},
    "refused": {"action": "status", "status": 422, "message": "no", "match": ORDER},
    "no power": {
        "action": "status", "status": 403, "code": 40310000,
        "message": "insufficient buying power", "match": ORDER,
    },
    "rejected": {"action": "reject_async", "match": ORDER},
    "expired": {"action": "expire_early", "match": ORDER},
    "in part": {"action": "partial_then_cancel", "qty": 1.5, "match": ORDER},
    "fills first": {"action": "fill_before_cancel", "match": CANCEL},
    "fills all the same": {"action": "fill_on_canceled", "match": CANCEL},
    "cancel lost": {"action": "cancel_lost", "match": CANCEL},
    "cancel reset": {"action": "reset", "match": CANCEL, **AFTER},
    "orders lag": {"action": "stale_order", "seconds": 5, "match": READ_ORDERS, **AFTER},
    "orders unread": {"action": "status", "status": 500, "match": READ_ORDERS},
    "fills twice": {"action": "duplicate_items", "match": FILLS, **AFTER},
    "fills reversed": {"action": "reverse_items", "match": FILLS, **AFTER},
    "fills late": {
        "action": "drop_item", "field": "type", "value": "fill", "match": FILLS, **AFTER,
    },
}  # fmt: skip


@cache
def moving_market() -> pl.DataFrame:
    """Bars from August to December 2026, each symbol a wave of its own around its level."""
    rows = []
    for n, symbol in enumerate(SYMBOLS):
        for i, session in enumerate(sessions_between(date(2026, 8, 3), date(2026, 12, 11))):
            close = round(LEVELS[symbol] * (1 + 0.06 * math.sin(i / (2 + n))), 2)
            rows.append((symbol, session, close, close * 1.01, close * 0.99, close, 5e6, close))
    columns = ["symbol", "date", "open", "high", "low", "close", "volume", "adj_close"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _empty_ledger() -> Path:
    """The file of a ledger in which nothing has happened: copying it is quicker than making it."""
    path = Path(FOLDER.name) / "empty.db"
    Ledger.at(path).close()
    return path


MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a file is in memory, on Linux: a ledger there is a real one, and fast."""
FOLDER = tempfile.TemporaryDirectory(prefix="stateful-", dir=MEMORY)
EMPTY = _empty_ledger()


shares_of_books = st.fixed_dictionaries(
    {book: st.tuples(*(st.integers(0, 3) for _ in SYMBOLS)) for book in BOOKS}
)
faults = st.tuples(st.sampled_from(sorted(FAULTS)), st.integers(0, 3), st.integers(1, 3))
"""A fault, after how many fitting requests, and how often."""
doings = st.tuples(
    st.sampled_from(
        [
            "buy by hand", "sell by hand", "deposit", "withdrawal", "bust",
            "brake", "halted", "resumed",
        ]
    ),
    st.sampled_from(SYMBOLS),
    st.sampled_from([0, 3, 20, 60]),
)  # fmt: skip
"""What somebody does, with which symbol, and after how many seconds."""


class TradingMachine(RuleBasedStateMachine):
    """One account, traded by a program that dies, at a broker that misbehaves."""

    @initialize(seed=st.integers(0, 100), partial=st.sampled_from([0.0, 0.3, 1.0]))
    def open_account(self, seed: int, partial: float) -> None:
        logging.disable(logging.CRITICAL)
        self.broker = InProcessBroker(
            moving_market(),
            opened_at=session_close(INCEPTION) + timedelta(hours=1),
            opening_cash=Decimal(50_000),
            seed=seed,
            profile=Profile(partial_fills=partial),
        )
        self.control = self.broker.control()
        self.control.set_asset("THIN", fractionable=False)
        self.folder = tempfile.TemporaryDirectory(prefix="stateful-", dir=MEMORY)
        self.path = Path(self.folder.name) / "ledger.db"
        shutil.copy(EMPTY, self.path)
        self.others = Ledger.at(self.path)
        self.fuse = Fuse()
        self.cues: list[tuple[float, Callable[[], None]]] = []
        self.session = INCEPTION
        self.wishes: dict[str, Wish] = {}
        self.to_do: list[Callable[[], object]] = []
        self.hands = 0
        self.disturbed = False
        self.start()

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)
        if hasattr(self, "broker"):
            self.ledger.close()
            self.others.close()
            self.broker.close()
            self.folder.cleanup()

    # --- the program -----------------------------------------------------------------------------

    def start(self) -> None:
        """Start the program, with new objects on the same files."""
        self.ledger = FusedLedger(self.path, self.fuse)
        keys = (self.broker.api_key, self.broker.secret_key)
        trading = TradingClient(*keys, paper=True, raw_data=True, url_override=self.broker.url)
        data = StockHistoricalDataClient(*keys, raw_data=True, url_override=self.broker.url)
        for client in (trading, data):
            client._session.trust_env = False
            client._session.mount(self.broker.url, FusedTransport(self.broker.adapter, self.fuse))
        gateway = Gateway(trading, data, wait=self.wait, now=self.epoch)
        self.desk = Desk(gateway, self.ledger, "embedded")

    def epoch(self) -> float:
        return self.broker.now.timestamp()

    def wait(self, seconds: float) -> None:
        """The program waits; what was to happen meanwhile, does."""
        end = self.epoch() + seconds
        for cue in sorted(self.cues, key=lambda cue: cue[0]):
            at, happen = cue
            if at <= end:
                self.cues.remove(cue)
                self.broker.advance(max(0.0, at - self.epoch()))
                happen()
        self.broker.advance(max(0.0, end - self.epoch()))

    def begin(self) -> None:
        window = check_gate(self.desk, self.session)
        if window is None:
            self.to_do = []
            return
        settlement.finish_earlier(self.desk, self.session)
        opening.open_session(self.desk, window, BOOKS, inception=INCEPTION)
        preparation.plan_session(self.desk, self.session, self.wishes)

    def size(self) -> None:
        phases.size(self.desk, self.session, phases.confirm_cash(self.desk, self.session))

    def whole_session(self) -> list[Callable[[], object]]:
        return [
            self.begin,
            lambda: phases.sell(self.desk, self.session),
            self.size,
            lambda: phases.buy(self.desk, self.session),
            lambda: settlement.settle(self.desk, self.session),
        ]

    # --- the rules -------------------------------------------------------------------------------

    @precondition(lambda self: not self.to_do)
    @rule(
        shares=shares_of_books,
        faults=st.lists(faults, max_size=3),
        doings=st.lists(doings, max_size=2),
        dies_after=st.none() | st.integers(1, 250),
    )
    def a_new_session(
        self,
        shares: dict[str, tuple[int, ...]],
        faults: list[tuple[str, int, int]],
        doings: list[tuple[str, str, int]],
        dies_after: int | None,
    ) -> None:
        """The window of the next session opens, each book wants something, and trouble is near."""
        self.session = next_session(self.session)
        self.broker.advance_to(max(session_close(self.session) - WINDOW, self.broker.now))
        self.wishes = {book: _wish(parts) for book, parts in shares.items()}
        self.to_do = self.whole_session()
        for fault in faults:
            self.goes_wrong(*fault)
        for doing in doings:
            self.happens(*doing)
        self.fuse.left = dies_after

    @precondition(lambda self: self.to_do)
    @rule(phases_at_once=st.integers(1, 5))
    def go_on(self, phases_at_once: int) -> None:
        """The program works on; if it dies, it is started again from the beginning."""
        try:
            for _ in range(min(phases_at_once, len(self.to_do))):
                self.to_do[0]()
                self.to_do = self.to_do[1:]
        except (Killed, *REPORTED) as end:
            self.ledger.close()
            self.start()
            over = self.broker.now > session_close(self.session) + timedelta(hours=1)
            refused = isinstance(end, SessionRefused)
            self.to_do = [] if over or refused else self.whole_session()

    @precondition(lambda self: self.to_do)
    @rule()
    def to_the_end(self) -> None:
        """All that is left of the session, whatever happens."""
        self.go_on(len(self.to_do))

    @rule(after=st.integers(1, 250))
    def the_program_is_to_die(self, after: int) -> None:
        """At one of the next commits or requests."""
        self.fuse.left = after

    @rule(fault=faults)
    def something_goes_wrong(self, fault: tuple[str, int, int]) -> None:
        self.goes_wrong(*fault)

    @rule(doing=doings)
    def somebody_does_something(self, doing: tuple[str, str, int]) -> None:
        self.happens(*doing)

    @rule(minutes=st.sampled_from([1, 5, 30, 600]))
    def time_passes(self, minutes: int) -> None:
        self.wait(60 * minutes)

    @rule(shares=shares_of_books)
    def calm_down_and_trade(self, shares: dict[str, tuple[int, ...]]) -> None:
        """The broker behaves again: the next session comes to its end, and all is posted."""
        self.calm_down()
        self.fuse.left = None
        self.cues.clear()
        self.to_do = []
        self.wait(3600)
        self.a_new_session(shares, [], [], None)
        for phase in self.to_do:
            phase()
        self.to_do = []
        with self.others.read() as connection:
            row = the_session(connection, self.session)
            assert row is not None
            assert row.state == "complete"
            assert not_posted(connection, self.broker) == []

    # --- the broker, and other people ------------------------------------------------------------

    def goes_wrong(self, name: str, nth: int, times: int) -> None:
        """A fault, from the n-th fitting request on, so many times."""
        self.broker.faults.add([{**FAULTS[name], "when": {"after": nth}, "times": times}])

    def happens(self, what: str, symbol: str, after: int) -> None:
        """Somebody does something: at once, or so many seconds into the program's waiting."""
        happen = {
            "buy by hand": lambda: self.trade_by_hand("buy", symbol),
            "sell by hand": lambda: self.trade_by_hand("sell", symbol),
            "deposit": lambda: self.move_cash("700"),
            "withdrawal": lambda: self.move_cash("-300"),
            "bust": lambda: self.bust(symbol),
            "brake": lambda: self.brake(symbol),
            "halted": lambda: self.control.set_asset(symbol, halted=True),
            "resumed": self.calm_down,
        }[what]
        if after:
            self.cues.append((self.epoch() + after, happen))
        else:
            happen()

    def calm_down(self) -> None:
        """The broker behaves again, and the operators have seen to it."""
        self.broker.faults.clear()
        for symbol in SYMBOLS:
            self.control.set_asset(symbol, halted=False)
        with self.others.read() as connection:
            rows = restricting_rows(connection)
        for row in rows:
            self.set_rail(Rail(row.rail), row.scope, on=False)

    def opened(self) -> bool:
        """Whether there are books; what happens to the account before is none of theirs."""
        with self.others.read() as connection:
            return connection.execute(select(account_table)).first() is not None

    def trade_by_hand(self, side: Literal["buy", "sell"], symbol: str) -> None:
        if not self.opened():
            return
        self.hands += 1
        self.disturbed = True
        request = OrderRequest(
            symbol=symbol, side=side, type="market", time_in_force="day", qty=Decimal(2),
            notional=None, client_order_id=f"{BY_HAND}-{self.hands}",
        )  # fmt: skip
        try:
            with self.broker.brokerage.unit():
                self.broker.brokerage.desk.submit(request)
        except RefusalError:
            return

    def move_cash(self, dollars: str) -> None:
        if self.opened() and self.broker.brokerage.state.cash + Decimal(dollars) >= 0:
            self.disturbed = True
            self.broker.advance(1)
            self.control.move_cash(float(dollars))

    def bust(self, symbol: str) -> None:
        """The venue voids the last fill; of an order that still works see `test_busts_mid_walk`."""
        brokerage = self.broker.brokerage
        fill = brokerage.store.last_standing_fill(symbol)
        if fill is None or brokerage.desk.order(fill.details["order_id"]).is_open:
            return
        self.disturbed = True
        with brokerage.unit():
            brokerage.bust_last_fill(symbol)

    def brake(self, symbol: str) -> None:
        if self.opened():
            scope = {"XYZ": ACCOUNT, "ABC": symbol_scope("ABC"), "THIN": book_scope("a")}[symbol]
            self.set_rail(Rail.HALT, scope, on=True)

    def set_rail(self, rail: Rail, scope: str, *, on: bool) -> None:
        with self.others.write() as connection:
            set_rail(
                connection, rail, scope,
                on=on, reason="a test", set_by="operator", at=self.broker.now,
            )  # fmt: skip

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def everything_adds_up(self) -> None:
        if not hasattr(self, "broker"):
            return
        with self.others.read() as connection:
            if connection.execute(select(account_table)).first() is None:
                return
            check_all(connection, self.broker, disturbed=self.disturbed)


def _wish(parts: tuple[int, ...]) -> Wish:
    """Weights in proportion to whole numbers; none at all is a strategy without a signal."""
    if not any(parts):
        return Wish(missing="no signal")
    total = sum(parts)
    weights = {s: Decimal(n) / total for s, n in zip(SYMBOLS, parts, strict=True) if n}
    return Wish(weights)


TradingMachine.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestTradingMachine = TradingMachine.TestCase
