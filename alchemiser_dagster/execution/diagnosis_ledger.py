"""What should hold in the ledger by itself, whatever the broker says.

Each function makes one finding. The names are those of the asset checks where there is one.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import SQLAlchemyError

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.performance import PriceMissing
from alchemiser_dagster.execution import identities
from alchemiser_dagster.execution.after_close import OVERDUE
from alchemiser_dagster.execution.findings import Finding, finding
from alchemiser_dagster.execution.reconciliation import NotTraded
from alchemiser_dagster.ledger.account_activity import plain
from alchemiser_dagster.ledger.open_orders import resting_orders
from alchemiser_dagster.ledger.queries import all_books, book_cash, positions
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, rail_state, restricting_rows
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, blocks, executions, orders, sessions

LOOK_BACK = "see what wrote to the ledger; `alchemiser backfill-ledger` shows it beside the broker"


def journal_unbroken(connection: Connection) -> Finding:
    """The hashes of the journal meet, and its rows are in their tables as they were written."""
    return finding(
        "journal_unbroken",
        "every entry of the journal as it was written, and every row as the journal has it",
        f"somebody changed the ledger behind the program's back: halt, {LOOK_BACK}",
        failing=identities.journal_broken(connection),
    )


def books_rebuild_from_fills(connection: Connection) -> Finding:
    """Lots, exits and cash are those that the facts in the journal give."""
    return finding(
        "books_rebuild_from_fills",
        "lots, exits and cash that equal those rebuilt from the journal",
        f"a row was changed, or a posting is wrong: halt, {LOOK_BACK}",
        failing=identities.books_not_rebuilt(connection),
    )


def last_complete(connection: Connection) -> date | None:
    """The last session that was traded to its end."""
    return connection.execute(
        select(func.max(sessions.c.session)).where(sessions.c.state == "complete")
    ).scalar()


def cash_identity(connection: Connection, session: date | None) -> Finding:
    """The cash of all books was the broker's at the end of `session`."""
    failing = []
    if session is not None:
        try:
            cash = identities.cash_identity(connection, session)
        except NotTraded as error:
            failing = [str(error)]
        else:
            if not cash.holds:
                failing = [
                    f"{session}: the books have {cash.books:,.2f}, the broker {cash.broker:,.2f} "
                    f"(difference {cash.broker - cash.books:+,.2f})"
                ]
    return finding(
        "cash_identity",
        "cash of all books equal to the broker's after the last session",
        "compare the broker's activities of that day with `alchemiser reconcile`",
        failing=failing,
    )


def pnl_identity(connection: Connection, session: date | None) -> Finding:
    """What the account earned in `session` is what its books earned."""
    failing = []
    if session is not None:
        try:
            earned = identities.pnl_identity(connection, session)
        except (NotTraded, PriceMissing) as error:
            failing = [f"{session}: {error}"]
        else:
            if earned is not None and not earned.holds:
                own = sum((growth.pnl for growth in earned.books.values()), ZERO)
                failing = [
                    f"from {earned.since} to {session} the account earned {earned.account.pnl:,.2f}"
                    f", its books {own:,.2f}: the gap of {earned.gap:+,.2f} is above "
                    f"{earned.tolerance:,.2f}"
                ]
    return finding(
        "pnl_identity",
        "the account's profit of the last session equal to that of its books",
        "look for a deposit, a withdrawal or a price that one side does not know",
        failing=failing,
    )


def orders_ended(connection: Connection, now: datetime) -> Finding:
    """No order may still fill, as far as the ledger knows, but of a session that is being traded
    `now`.
    """
    traded = select(blocks.c.block_id).join(sessions, sessions.c.session == blocks.c.session)
    traded = traded.where(sessions.c.state != "complete", sessions.c.closes_at > now - OVERDUE)
    working = set(
        connection.execute(
            select(orders.c.client_order_id).where(orders.c.block_id.in_(traded))
        ).scalars()
    )
    lines = {
        order.client_order_id: (
            f"{order}{' (nobody knows whether it arrived)' if not order.broker_order_id else ''}"
        )
        for order in resting_orders(connection)
    }
    return finding(
        "orders_ended",
        "no order that has not ended",
        "outside trading hours run the trading job again, it looks them up; "
        "`alchemiser halt` takes them back",
        failing=[line for name, line in lines.items() if name not in working],
        warning=[line for name, line in lines.items() if name in working],
    )


def fills_posted(connection: Connection, filled: Mapping[str, Decimal]) -> Finding:
    """What orders have filled is in the books.

    `filled` are the shares that the broker says its orders have filled, by client id; for those
    that it was not asked about the ledger's own note of it counts.
    """
    posted = {
        row.client_order_id: row.quantity
        for row in connection.execute(
            select(
                executions.c.client_order_id,
                func.sum(executions.c.quantity, type_=executions.c.quantity.type).label("quantity"),
            ).group_by(executions.c.client_order_id)
        )
    }
    failing = []
    for row in connection.execute(
        select(orders.c.client_order_id, orders.c.filled_quantity).order_by(
            orders.c.submitted_at, orders.c.client_order_id
        )
    ):
        name = row.client_order_id
        seen = max(row.filled_quantity, filled.get(name, ZERO))
        if seen > posted.get(name, ZERO):
            failing.append(
                f"{name}: {plain(seen)} shares filled, {plain(posted.get(name, ZERO))} posted"
            )
    return finding(
        "fills_posted",
        "every share that an order filled in the books",
        "the next trading session posts them; run the job `reconcile_after_close` to do it now",
        failing=failing,
    )


def nothing_unattributed(connection: Connection, prices: Mapping[str, Decimal]) -> Finding:
    """No shares are kept apart because no strategy bought them. `prices` are dollars a share."""
    held = positions(connection).get(UNATTRIBUTED, {})
    cash = book_cash(connection).get(UNATTRIBUTED, ZERO)
    return finding(
        "nothing_unattributed",
        "no shares that belong to no strategy",
        "`alchemiser attribute` gives them to a book; or sell them at the broker by hand",
        failing=[
            f"{UNATTRIBUTED} holds {plain(shares)} {symbol}, {_worth(shares, prices.get(symbol))}"
            for symbol, shares in sorted(held.items())
        ],
        warning=[f"{UNATTRIBUTED} has cash of {cash:,.2f} and no shares"]
        if cash and not held
        else [],
    )


def _worth(shares: Decimal, price: Decimal | None) -> str:
    return "whose price is not known" if price is None else f"worth {shares * price:,.2f}"


def rails_off(connection: Connection) -> Finding:
    """Nothing restricts the trading; that a book is being sold to cash is only told."""
    rows: list[Row[tuple[object, ...]]] = []
    failing: list[str] = []
    warning: list[str] = []
    if all_books(connection):  # before an account is opened there are no rails
        try:
            rows = list(restricting_rows(connection))
        except (SQLAlchemyError, ValueError):
            rows = []  # the state of the account says why they cannot be read
        halted = rail_state(connection).halted_account
        if halted is not None:
            failing.append(f"the account is halted: {halted}")
    for row in rows:
        if (row.rail, row.scope) == (Rail.HALT, ACCOUNT):
            continue
        line = f"{row.rail} of {row.scope}: {row.reason} (set by {row.set_by})"
        (warning if row.rail == Rail.FLATTEN else failing).append(line)
    return finding(
        "rails_off",
        "no rail that restricts the trading",
        "when its cause is gone: `alchemiser resume`; `alchemiser rails` lists them",
        failing=failing,
        warning=warning,
    )


def sessions_complete(connection: Connection, now: datetime) -> Finding:
    """Every session that was begun came to its end, except one that is being traded `now`."""
    open_ = connection.execute(
        select(sessions).where(sessions.c.state != "complete").order_by(sessions.c.session)
    ).all()
    overdue = [row for row in open_ if now >= row.closes_at + OVERDUE]
    return finding(
        "sessions_complete",
        "every session that was begun at its end",
        "run the job `trade_session` for it: after the close it sends nothing",
        failing=[
            f"{row.session} is {row.state}, {_age(now - row.closes_at)} after its close"
            for row in overdue
        ],
        warning=[f"{row.session} is being traded" for row in open_ if row not in overdue],
    )


def _age(time: timedelta) -> str:
    hours = time // timedelta(hours=1)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours" if hours else "minutes"
