"""A tiny ledger: one account of 1,000 dollars, books `a` (60 %) and `b` (30 %)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from alchemiser_dagster.ledger.opening import open_account, open_books
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.session_records import (
    NewTrade,
    begin_session,
    record_plan,
    trade_id,
)
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.ledger.trade_records import NewOrder, intend_order

INCEPTION = date(2026, 11, 2)
OPENED = datetime(2026, 11, 2, 21, tzinfo=UTC)


@dataclass
class TinyLedger:
    """Says what was traded in one line: `trade("a", 3, "buy 10 XYZ @ 12")`."""

    ledger: Ledger
    _executions: int = 0
    _planned: set[tuple[str, date]] = field(default_factory=set)

    def trade(self, book: str, day: int, what: str, *, parts: int = 1) -> list[Execution]:
        """Plan, send and fill one trade in a session of November 2026, in `parts` executions."""
        side, quantity, symbol, _, price = what.split()
        session = date(2026, 11, day)
        at = datetime(2026, 11, day, 20, 50, tzinfo=UTC)
        begin_session(
            self.ledger, session, ["a", "b"],
            opens_at=at - timedelta(hours=6), closes_at=at + timedelta(minutes=10), at=at,
        )  # fmt: skip
        shares = Decimal(quantity)
        new = NewTrade(book, symbol, side, shares, None, is_exit=False)
        record_plan(
            self.ledger, session, book, capital=Decimal(1000), trigger="schedule", planned=[new]
        )
        client_id = f"{session}.{book}.{symbol}.{side}"
        trade = trade_id(session, book, symbol, side)
        intend_order(
            self.ledger, NewOrder(client_id, trade, 1, "limit", shares, Decimal(price), at)
        )
        executions = []
        for part in range(1, parts + 1):
            self._executions += 1
            executions.append(
                Execution(
                    execution_id=f"x{self._executions}",
                    quantity=shares / parts,
                    cumulative_quantity=shares * part / parts,
                    price=Decimal(price),
                    executed_at=at + timedelta(seconds=self._executions),
                )
            )
        post_executions(self.ledger, client_id, executions)
        return executions


@pytest.fixture
def make_ledger(tmp_path: Path) -> Callable[[], TinyLedger]:
    def make() -> TinyLedger:
        ledger = Ledger.at(tmp_path / "ledger.db")
        open_account(
            ledger, account_number="EMB1", inception=INCEPTION, cash=Decimal(1000), at=OPENED
        )
        open_books(ledger, {"a": Decimal("0.6"), "b": Decimal("0.3")}, session=INCEPTION, at=OPENED)
        return TinyLedger(ledger)

    return make


@pytest.fixture
def tiny(make_ledger: Callable[[], TinyLedger]) -> Iterator[TinyLedger]:
    tiny = make_ledger()
    yield tiny
    tiny.ledger.close()
