"""The tables of the ledger, a file a subject.

    accounts   account ── books ── cash_entries, activities
    sessions   sessions ── session_books ── plan_items; prices, account_snapshots,
               reconciliation_items
    trading    trades ── block_trades ── blocks ── orders ── executions    crosses
                 └────── order_allocations ──────────┘
    holdings   fills ── lots ── lot_exits, lot_adjustments; lot_choices
    control    rails, journal

The unique keys carry the safety: one row a session, one outcome a book and session, one order a
client order id, one execution a broker execution id, one fill a trade and execution, one lot a BUY
fill, one cash entry a cause and book. Writing anything twice is refused by the database, whoever
tries.
"""

from alchemiser_dagster.ledger.schema.accounts import (
    UNALLOCATED,
    UNATTRIBUTED,
    WITHOUT_STRATEGY,
    account,
    activities,
    books,
    cash_entries,
)
from alchemiser_dagster.ledger.schema.base import metadata
from alchemiser_dagster.ledger.schema.control import journal, rails
from alchemiser_dagster.ledger.schema.holdings import (
    fills,
    lot_adjustments,
    lot_choices,
    lot_exits,
    lots,
)
from alchemiser_dagster.ledger.schema.sessions import (
    account_snapshots,
    plan_items,
    prices,
    reconciliation_items,
    session_books,
    sessions,
    snapshot_positions,
)
from alchemiser_dagster.ledger.schema.trading import (
    block_trades,
    blocks,
    crosses,
    executions,
    order_allocations,
    orders,
    trades,
)

__all__ = [
    "UNALLOCATED",
    "UNATTRIBUTED",
    "WITHOUT_STRATEGY",
    "account",
    "account_snapshots",
    "activities",
    "block_trades",
    "blocks",
    "books",
    "cash_entries",
    "crosses",
    "executions",
    "fills",
    "journal",
    "lot_adjustments",
    "lot_choices",
    "lot_exits",
    "lots",
    "metadata",
    "order_allocations",
    "orders",
    "plan_items",
    "prices",
    "rails",
    "reconciliation_items",
    "session_books",
    "sessions",
    "snapshot_positions",
    "trades",
]
