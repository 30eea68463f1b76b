"""Orders written straight into the tables, for tests of what is read from them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, insert, select

from alchemiser_dagster.ledger.schema import (
    blocks,
    books,
    executions,
    order_allocations,
    orders,
    session_books,
    sessions,
    trades,
)

SESSION = date(2026, 11, 3)
AT = datetime(2026, 11, 3, 20, 50, tzinfo=UTC)


def add_order(
    connection: Connection,
    name: str,
    what: str,
    *,
    notional: str,
    executed: tuple[str, str] | None = None,
    state: str = "working",
    filled: str = "0",
    session: date = SESSION,
    allocations: Mapping[str, str] | None = None,
    broker_order_id: str | None = None,
) -> None:
    """`what` is like "buy 10 XYZ"; `executed` is (shares, cash); `allocations` shares by book."""
    side, quantity, symbol = what.split()
    if not connection.execute(select(sessions).where(sessions.c.session == session)).first():
        connection.execute(
            insert(sessions).values(
                session=session, state="open", started_at=AT,
                opens_at=AT - timedelta(hours=6), closes_at=AT + timedelta(minutes=10),
            )
        )  # fmt: skip
    block = f"{session}.{symbol}"
    if not connection.execute(select(blocks).where(blocks.c.block_id == block)).first():
        connection.execute(
            insert(blocks).values(
                block_id=block, session=session, symbol=symbol, side=side, round=1,
                quantity=Decimal(quantity), state="open", reason="",
            )
        )  # fmt: skip
    before = connection.execute(select(orders).where(orders.c.block_id == block)).all()
    connection.execute(
        insert(orders).values(
            client_order_id=name, block_id=block, attempt=1, step=len(before) + 1,
            broker_order_id=broker_order_id, order_type="limit", quantity=Decimal(quantity),
            limit_price=None, notional=Decimal(notional), state=state,
            filled_quantity=Decimal(filled), submitted_at=AT, message="",
        )
    )  # fmt: skip
    if executed is not None:
        shares, cash = (Decimal(part) for part in executed)
        connection.execute(
            insert(executions).values(
                execution_id=f"x.{name}", client_order_id=name, quantity=shares,
                cumulative_quantity=shares, price=Decimal(1), cash=cash, executed_at=AT,
            )
        )  # fmt: skip
    for book, shares_of_it in (allocations or {}).items():
        trade = f"{session}.{book}.{symbol}"
        if not connection.execute(select(books).where(books.c.book == book)).first():
            connection.execute(
                insert(books).values(book=book, allocation=Decimal("0.5"), opened_session=session)
            )
        expected = (session_books.c.session == session, session_books.c.book == book)
        if not connection.execute(select(session_books).where(*expected)).first():
            connection.execute(
                insert(session_books).values(session=session, book=book, state="planned", reason="")
            )
        connection.execute(
            insert(trades).values(
                trade_id=trade, session=session, book=book, symbol=symbol, side=side,
                is_exit=False, intended_quantity=Decimal(shares_of_it), held_back=Decimal(0),
                state="planned", reason="",
            )
        )  # fmt: skip
        connection.execute(
            insert(order_allocations).values(
                client_order_id=name, trade_id=trade, quantity=Decimal(shares_of_it)
            )
        )
