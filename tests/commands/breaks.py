"""What can be wrong with an account in order, one thing at a time, and what a diagnosis says."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import open_other_lot, update_lots
from alchemiser_dagster.ledger.queries import open_lots
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, book_scope, symbol_scope
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, lot_adjustments
from tests.world import STEADY

from .traded_home import FIRST, SECOND, Patient, publish

AFTER = date(2024, 1, 4)
AT = datetime(2024, 1, 3, 21, 10, tzinfo=UTC)


def shares_that_nobody_bought(patient: Patient) -> None:
    """A share of steady's becomes one of no strategy; the sums stay."""
    with patient.ledger() as ledger, ledger.write() as connection:
        lot = open_lots(connection, book="steady", symbol="SPY")[0]
        change = {"quantity": Decimal(-1), "cost": Decimal(-400)}
        enter(
            connection, lot_adjustments,
            {
                "lot_id": lot.lot_id, "source_id": "x", "session": AFTER, "kind": "attribution",
                "actor": "x", "cause": "x", "at": AT, **change,
            },
        )  # fmt: skip
        update_lots(connection, [lot.plus(change["quantity"], change["cost"])])
        own(connection, UNATTRIBUTED)


def shares_that_the_broker_has_not(patient: Patient) -> None:
    with patient.ledger() as ledger, ledger.write() as connection:
        own(connection, "steady")


def own(connection: Any, book: str) -> None:
    open_other_lot(
        connection, lot_id="x", book=book, symbol="SPY", session=AFTER, at=AT,
        quantity=Decimal(1), price=Decimal(400), cost=Decimal(400),
    )  # fmt: skip


def file(name: str, text: str) -> Callable[[Patient], None]:
    def write(patient: Patient) -> None:
        (patient.account.strategies / name).write_text(text, encoding="utf-8")

    return write


def sql(statement: str) -> Callable[[Patient], None]:
    return lambda patient: patient.sql(statement)


ONE_ORDER = "client_order_id = (SELECT min(client_order_id) FROM orders)"
OF_SECOND = f"session = '{SECOND}'"


def no_strategy(patient: Patient) -> None:
    (patient.account.strategies / "switch.clj").unlink()
    file("books.toml", '[books.steady]\nallocation = "0.5"\n')(patient)


def another(**figure: Decimal | int) -> Callable[[Patient], None]:
    return lambda patient: publish(patient.account.records, SECOND, **figure)


def never_opened(patient: Patient) -> None:
    """A third strategy is switched on, and its file cannot be read."""
    file("late.clj", STEADY[:-30])(patient)
    file("books.toml", THIRD_BOOK)(patient)


def not_opened_yet(patient: Patient) -> None:
    file("late.clj", STEADY.replace("Steady", "Late"))(patient)
    file("books.toml", THIRD_BOOK)(patient)


THIRD_BOOK = """
[books.steady]
allocation = "0.5"
[books.switch]
allocation = "0.4"
[books.late]
allocation = "0.1"
"""


def damaged_performance(patient: Patient) -> None:
    tables = patient.account.records.tables
    tables.files.write(tables.name(["performance", "steady"], SECOND.isoformat()), b"PAR1")


def refused_signals(patient: Patient) -> None:
    for session in (FIRST, SECOND):
        patient.account.records.tables.refuse(
            signal_key("steady"), session.isoformat(), f"no bars of SPY on {session}"
        )


BREAKS: dict[str, tuple[str, str, Callable[[Patient], None]]] = {
    "a price changed": (
        "journal_unbroken", "expected price",
        sql("UPDATE fills SET price = price + 1 WHERE book = 'steady'"),
    ),
    "an entry lost": (
        "journal_unbroken", "expected entry",
        sql("DELETE FROM journal WHERE kind = 'books' AND sequence = 2"),
    ),
    "a cost changed": (
        "books_rebuild_from_fills", "cost: recorded",
        sql("UPDATE lots SET cost = cost + 1 WHERE book = 'switch' AND symbol = 'GLD'"),
    ),
    "another cash at the broker": (
        "cash_identity", "(difference +1.00)",
        sql(f"UPDATE account_snapshots SET cash = cash + 100 WHERE {OF_SECOND} AND kind = 'after'"),
    ),
    "money that no book earned": (
        "pnl_identity", "the gap of +100.00 is above 50.",
        sql(
            "UPDATE account_snapshots SET equity = equity + 100000000 "
            f"WHERE {OF_SECOND} AND kind = 'after'"
        ),
    ),
    "an order that did not end": (
        "orders_ended", "e.20240102", sql(f"UPDATE orders SET state = 'working' WHERE {ONE_ORDER}"),
    ),
    "an order that nobody knows of": (
        "orders_ended", "(nobody knows whether it arrived)",
        sql(f"UPDATE orders SET state = 'unknown', broker_order_id = NULL WHERE {ONE_ORDER}"),
    ),
    "a fill that is not posted": (
        "fills_posted", "shares filled",
        sql(f"UPDATE orders SET filled_quantity = filled_quantity + 1000000000 WHERE {ONE_ORDER}"),
    ),
    "shares of no strategy": (
        "nothing_unattributed", "unattributed holds 1 SPY, worth 387.15", shares_that_nobody_bought,
    ),
    "shares that are missing": (
        "reconciliation", "SPY: the books hold", shares_that_the_broker_has_not,
    ),
    "a halted account": (
        "rails_off", "the account is halted: a storm", lambda p: p.rail(Rail.HALT, ACCOUNT),
    ),
    "a frozen symbol": (
        "rails_off", "freeze of symbol:SPY: a storm (set by x)",
        lambda p: p.rail(Rail.FREEZE, symbol_scope("SPY")),
    ),
    "rails that are lost": (
        "rails_off", "expected a row (halt, account)", sql("DELETE FROM rails"),
    ),
    "rails that cannot be read": (
        "rails_off", "the rails cannot be read", sql("UPDATE rails SET set_at = 'yesterday'"),
    ),
    "a session that did not end": (
        "sessions_complete", "2024-01-02 is sized, 24 hours after its close",
        sql(f"UPDATE sessions SET state = 'sized' WHERE session = '{FIRST}'"),
    ),
    "another account": (
        "broker_account", "the ledger keeps account EMB0, the broker's is EMB",
        sql("UPDATE account SET account_number = 'EMB0'"),
    ),
    "a blocked account": (
        "broker_account", "the broker lets it not trade: trading blocked",
        lambda p: p.account.control.set_account(trading_blocked=True),
    ),
    "a strategy that cannot be read": (
        "strategy_usable of steady", "steady.clj", file("steady.clj", STEADY[:-30]),
    ),
    "a book without a strategy": (
        "strategy_usable of switch", "nobody trades its GLD SPY",
        no_strategy,
    ),
    "a book that failed": (
        "outcome_good of steady", "failed in 2024-01-03: no quote of SPY",
        sql(
            "UPDATE session_books SET state = 'failed', reason = 'no quote of SPY' "
            f"WHERE {OF_SECOND} AND book = 'steady'"
        ),
    ),
    "no signal": (
        "signal_fresh of steady", "the last signal is none yet, 2 sessions behind",
        lambda p: p.remove(signal_key("steady"), FIRST, SECOND),
    ),
    "refused signals": (
        "signal_fresh of steady", "2 sessions behind: no bars of SPY on 2024-01-03",
        refused_signals,
    ),
    "no performance": (
        "performance_fresh of steady", "there is no performance, 2 sessions behind, and",
        lambda p: p.remove(["performance", "steady"], FIRST, SECOND),
    ),
    "a performance of another ledger": (
        "performance_true of steady", "cash after 2024-01-03: published 12.34",
        another(cash=Decimal("12.34")),
    ),
    "a result of another ledger": (
        "performance_true of steady", "realized_pnl after 2024-01-03: published 12.34",
        another(realized_pnl=Decimal("12.34")),
    ),
    "a cost of another ledger": (
        "performance_true of steady", "current_holdings_value after 2024-01-03: published 12.34",
        another(current_holdings_value=Decimal("12.34")),
    ),
    "lots of another ledger": (
        "performance_true of steady", "current_holdings after 2024-01-03: published 9, in the",
        another(current_holdings=9),
    ),
    "exits of another ledger": (
        "performance_true of steady", "completed_trades after 2024-01-03: published 9, in the",
        another(completed_trades=9),
    ),
    "capital of another ledger": (
        "performance_true of steady", "net_flows after 2024-01-03: published 12.34",
        another(net_flows=Decimal("12.34")),
    ),
    "a strategy that was never opened and cannot be read": (
        "strategy_usable of late", "late.clj", never_opened,
    ),
    "a damaged performance": (
        "performance_true of steady", "was a damaged one", damaged_performance,
    ),
}  # fmt: skip


WARNINGS: dict[str, tuple[str, str, Callable[[Patient], None]]] = {
    "a book that is sold to cash": (
        "rails_off", "flatten of book:steady", lambda p: p.rail(Rail.FLATTEN, book_scope("steady")),
    ),
    "a book that traded in part": (
        "outcome_good of steady", "partial in 2024-01-03",
        sql(
            f"UPDATE session_books SET state = 'partial' WHERE {OF_SECOND} AND book = 'steady'"
        ),
    ),
    "a book that is switched off": (
        "strategy_usable of switch", "it is switched off, and nobody trades its GLD SPY",
        file(
            "books.toml",
            '[books.steady]\nallocation = "0.5"\n[books.switch]\nallocation = "0.4"\n'
            "enabled = false\n",
        ),
    ),
    "a strategy without a book": (
        "strategy_usable of late", "it has no book yet", not_opened_yet,
    ),
    "no broker": (
        "broker_answers", "HTTP 503",
        lambda p: p.account.control.add_fault(
            action="status", status=503, match={"path": "/v2/*"}
        ),
    ),
}  # fmt: skip
