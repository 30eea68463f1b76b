"""Trades of several books go to the market together: blocks, crosses, a journal, rails.

In revision 0001 an order belonged to one trade, and a fill was an execution of that order. Now an
order belongs to a block, says which trades its shares are for, and an execution is split over them:

    0001                            0002
    trades                          trades       crosses
      └── orders                      │ └── order_allocations ──┐
            └── fills ── lots         │     blocks ── orders ───┴── executions
                                      └── fills ── lots

An old trade that had orders becomes a block for that trade alone, an old fill an execution with one
fill. The ids of trades, orders, fills and lots stay, and so do cash, lots and exits: after the
migration every book holds what it held before. For example

    trade  2026-11-03.a.XYZ.buy, 10 shares; order e.20261103.0.a.XYZ.B.s1; fills x1 of 6, x2 of 4

becomes block 2026-11-03.XYZ.2 of 10 with that order (allocation: 10 for the trade), executions x1
and x2, and fills x1 of 6 and x2 of 4. Where several books traded one symbol in a session, each has
a block of its own: `2026-11-03.XYZ.2` is the first book's, `2026-11-03.XYZ.3.b` the next one's.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, count
from operator import itemgetter
from typing import Any

from alembic import op
from sqlalchemy import Connection, func, insert, select

from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.journal import append
from alchemiser_dagster.ledger.migrations import tables_0001, tables_0002

revision = "0002"
down_revision = "0001"

ENDED_TRADES = ("filled", "partial", "skipped", "failed")
Row = dict[str, Any]
Rows = dict[str, list[Row]]


def upgrade() -> None:
    """Read the old tables, make the new ones in their place, write what the old ones said."""
    connection = op.get_bind()
    old: Rows = {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in tables_0001.metadata.sorted_tables
    }
    _refuse_unfinished_trades(old)
    tables_0001.metadata.drop_all(connection, checkfirst=False)
    tables_0002.metadata.create_all(connection, checkfirst=False)
    new = carried_over(old, at=datetime.now(UTC))
    for table in tables_0002.metadata.sorted_tables:
        if new.get(table.name):
            connection.execute(insert(table), new[table.name])
    _continue_entry_ids(connection)
    for kind, row in journaled(new):
        append(connection, kind, [row])


def carried_over(old: Rows, *, at: datetime) -> Rows:
    """The rows of the new tables, by table, out of those of the old ones."""
    blocks = blocks_by_trade(old)
    trade_of = {order["client_order_id"]: order["trade_id"] for order in old["orders"]}
    return old | {
        "account": [_without(row, "schema_version") for row in old["account"]],
        "books": _books(old),
        "trades": [
            _without(row, "arrival_bid", "arrival_ask") | {"held_back": ZERO, "lot_order": None}
            for row in old["trades"]
        ],
        "blocks": list(blocks.values()),
        "block_trades": [
            {"block_id": block["block_id"], "trade_id": trade, "quantity": block["quantity"]}
            for trade, block in blocks.items()
        ],
        "orders": [
            _without(row, "trade_id")
            | {
                "block_id": blocks[row["trade_id"]]["block_id"],
                "attempt": 1,
                "notional": to_cents(row["quantity"] * (row["limit_price"] or ZERO)),
            }
            for row in old["orders"]
        ],
        "order_allocations": [
            {name: row[name] for name in ("client_order_id", "trade_id", "quantity")}
            for row in old["orders"]
        ],
        "executions": [
            _without(row, "fill_id", "session", "book", "symbol", "side")
            | {"execution_id": row["fill_id"]}
            for row in old["fills"]
        ],
        "fills": [
            _without(row, "client_order_id", "cumulative_quantity")
            | {
                "trade_id": trade_of[row["client_order_id"]],
                "execution_id": row["fill_id"],
                "cross_id": None,
                "busts": None,
            }
            for row in old["fills"]
        ],
        "lots": _lots(old),
        "rails": [
            {
                "rail": "halt",
                "scope": "account",
                "state": "off",
                "reason": "",
                "set_by": "migration",
                "set_at": at,
            }
            for _ in old["account"]
        ],
    }


def blocks_by_trade(old: Rows) -> dict[str, Row]:
    """A block for each trade that had orders, by trade id."""
    orders: dict[str, list[Row]] = defaultdict(list)
    for order in sorted(old["orders"], key=itemgetter("step")):
        orders[order["trade_id"]].append(order)
    blocks: dict[str, Row] = {}
    taken = set()
    for trade in sorted(old["trades"], key=itemgetter("session", "symbol", "book")):
        own = orders[trade["trade_id"]]
        if not own:
            continue
        place = trade["session"], trade["symbol"]
        usual = 1 if trade["side"] == "sell" else 2
        rounds = chain([usual], count(3))
        round_ = next(number for number in rounds if (*place, number) not in taken)
        taken.add((*place, round_))
        block_id = f"{trade['session'].isoformat()}.{trade['symbol']}.{round_}"
        blocks[trade["trade_id"]] = {
            "block_id": block_id if round_ == usual else f"{block_id}.{trade['book']}",
            "session": trade["session"],
            "symbol": trade["symbol"],
            "side": trade["side"],
            "round": round_,
            "quantity": trade["intended_quantity"],
            "state": trade["state"],
            "reason": trade["reason"],
            "arrival_bid": trade["arrival_bid"],
            "arrival_ask": trade["arrival_ask"],
            "arrived_at": None if trade["arrival_bid"] is None else own[0]["submitted_at"],
            "ended_at": own[-1]["ended_at"],
        }
    return blocks


def journaled(rows: Rows) -> Iterator[tuple[str, Row]]:
    """(table, row) of all that moved shares or cash, in the order in which it was written.

    Every fill had its cash entered with it, so the numbers of the cash entries are that order.
    """
    fills = {fill["fill_id"]: fill for fill in rows["fills"]}
    for entry in sorted(rows["cash_entries"], key=itemgetter("entry_id")):
        if entry["kind"] in ("buy", "sell"):
            yield "fills", fills[entry["source_id"]]
        else:
            yield "cash_entries", _without(entry, "entry_id")


def _refuse_unfinished_trades(old: Rows) -> None:
    """Only the version that began a trade knows how to go on with it."""
    unfinished = {row["session"] for row in old["sessions"] if row["state"] != "complete"}
    for trade in old["trades"]:
        if trade["session"] in unfinished and trade["state"] not in ENDED_TRADES:
            raise LedgerError(
                f"expected every trade to have ended, was {trade['trade_id']} {trade['state']}; "
                "run the version that began this session once more, to its end, and upgrade then"
            )


def _books(old: Rows) -> list[Row]:
    """The old books, and the one for shares that nobody bought."""
    added = [
        {"book": "unattributed", "allocation": ZERO, "opened_session": row["inception"]}
        for row in old["account"]
    ]
    return [row | {"lot_policy": "FIFO"} for row in old["books"] + added]


def _lots(old: Rows) -> list[Row]:
    """The old lots, with the shares and the cost that are left of them."""
    sold: dict[str, Decimal] = defaultdict(Decimal)
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for exit_ in old["lot_exits"]:
        sold[exit_["lot_id"]] += exit_["quantity"]
        cost[exit_["lot_id"]] += exit_["cost"]
    return [
        lot
        | {
            "quantity": lot["entry_quantity"] - sold[lot["lot_id"]],
            "cost": lot["entry_cost"] - cost[lot["lot_id"]],
        }
        for lot in old["lots"]
    ]


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _continue_entry_ids(connection: Connection) -> None:
    """Let PostgreSQL number new cash entries after the old ones; SQLite does so by itself."""
    if connection.dialect.name == "postgresql":
        entry_id = tables_0002.cash_entries.c.entry_id
        sequence = func.pg_get_serial_sequence("cash_entries", "entry_id")
        following = select(func.coalesce(func.max(entry_id), 0) + 1).scalar_subquery()
        connection.execute(select(func.setval(sequence, following, False)))
