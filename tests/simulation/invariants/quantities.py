"""I4 and I5 in the books: nothing executed twice, nothing sold or spent that is not there."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from tests.simulation.tables import (
    DOLLARS,
    PRICE,
    SHARES,
    UNALLOCATED,
    UNATTRIBUTED,
    ZERO,
    Tables,
    added,
    exact,
)
from tests.simulation.witness import Witness

LARGEST_DAY = Decimal(10_000_000)
DAY_TURNOVER = 4


def quantities(tables: Tables) -> Iterator[str]:
    """No trade, order or share of an order has more filled than it was for."""
    checks = {
        "trade": "SELECT f.trade_id, t.intended_quantity, SUM(f.quantity) FROM fills f"
        " JOIN trades t ON t.trade_id = f.trade_id GROUP BY f.trade_id, t.intended_quantity",
        "order": "SELECT e.client_order_id, o.quantity, SUM(e.quantity) FROM executions e"
        " JOIN orders o ON o.client_order_id = e.client_order_id"
        " GROUP BY e.client_order_id, o.quantity",
        "share of an order": "SELECT a.client_order_id || ' for ' || a.trade_id, a.quantity,"
        " SUM(f.quantity) FROM fills f JOIN executions e ON e.execution_id = f.execution_id"
        " JOIN order_allocations a ON a.client_order_id = e.client_order_id"
        " AND a.trade_id = f.trade_id GROUP BY a.client_order_id, a.trade_id, a.quantity",
    }
    for what, query in checks.items():
        for name, intended, filled in tables.rows(query):
            if filled > intended:
                yield (
                    f"I4: {what} {name}: expected at most {exact(intended, SHARES)} shares, "
                    f"was {exact(filled, SHARES)}"
                )


def executed_within_blocks(tables: Tables, witness: Witness) -> Iterator[str]:
    """What the broker executed of a block's orders is no more than the block was for."""
    wanted = tables.totals("SELECT block_id, quantity FROM blocks", SHARES)
    block_of = dict(tables.rows("SELECT client_order_id, block_id FROM orders"))
    executed = added(
        (block_of.get(m.order.client_order_id, "no block"), abs(m.shares))
        for m in witness.movements.values()
        if m.is_ours and m.order is not None
    )
    for block, shares in executed.items():
        if shares > wanted.get(block, ZERO):
            yield (
                f"I4: block {block}: expected the broker to execute at most "
                f"{wanted.get(block, ZERO)} shares, was {shares}"
            )


def none_resting(witness: Witness) -> Iterator[str]:
    """Nothing of the program stands at the broker any more."""
    for order in witness.broker.state.orders.values():
        if not witness.orders[order.id].by_hand:
            yield f"I4: expected no open order at rest, was {order.client_order_id}"


def own_shares_only(tables: Tables, witness: Witness) -> Iterator[str]:
    """No sale was of shares that its book did not own, unless somebody took them away."""
    taken = any(
        m.kind in ("SPLIT", "MISC") or (m.order is not None and m.order.by_hand)
        for m in witness.movements.values()
    )
    unmatched = tables.values("SELECT fill_id FROM fills WHERE fill_id LIKE '%.unmatched'")
    if unmatched and not taken:
        yield f"I5: expected books to sell their own shares only, was {sorted(unmatched)}"


def cash_floor(tables: Tables, after_entry: int) -> Iterator[str]:
    """No purchase among the cash entries after `after_entry` leaves its book below zero.

    Other things may take it there: a fee, a withdrawal, a sale that the venue declares void.
    """
    purchases = tables.values(
        "SELECT DISTINCT book FROM cash_entries WHERE entry_id > ? AND kind = 'buy' AND amount < 0",
        after_entry,
    )
    cash = tables.totals(
        "SELECT book, SUM(amount) FROM cash_entries WHERE amount > 0"
        " OR kind IN ('buy', 'transfer', 'attribution') GROUP BY book",
        DOLLARS,
    )
    for book in sorted(purchases - {UNALLOCATED, UNATTRIBUTED}):
        if cash[book] < 0:
            yield f"I5: {book}: expected cash of zero or more after purchases, was {cash[book]}"


def day_limit(tables: Tables) -> Iterator[str]:
    """What is bought and sold in a session is at most four times the equity before it."""
    rows = tables.rows(
        "SELECT b.session, s.equity, SUM(e.cash) FROM executions e"
        " JOIN orders o ON o.client_order_id = e.client_order_id"
        " JOIN blocks b ON b.block_id = o.block_id"
        " JOIN account_snapshots s ON s.session = b.session AND s.kind = 'before'"
        " GROUP BY b.session, s.equity"
    )
    for session, equity, cash in rows:
        most = min(LARGEST_DAY, DAY_TURNOVER * exact(equity, PRICE))
        if exact(cash, DOLLARS) > most:
            yield (
                f"I5: {session}: expected at most {most:.2f} dollars traded, "
                f"was {exact(cash, DOLLARS)}"
            )


def traded(tables: Tables, session: date) -> Iterator[str]:
    """Every book has traded, or holds what it wants."""
    for book, state, reason in tables.rows(
        "SELECT book, state, reason FROM session_books WHERE session = ?", session.isoformat()
    ):
        if state not in ("traded", "held"):
            yield f"nothing went wrong in {session}, and {book} ended {state}: {reason}"
