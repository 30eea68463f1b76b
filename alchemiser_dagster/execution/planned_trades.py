"""From the books' plans to trades, and from those to the first blocks for the market.

    plan ─► trades, with what a rail forbids ─► part of a sale is held back ─► the rest in blocks

Nothing is recorded here, and only the lots of what is sold are read.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.books.booking import LotPolicy, order_of_sale
from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.books.netting import Purchase, Sale, hold_back
from alchemiser_dagster.books.planning import Action, Plan
from alchemiser_dagster.ledger.block_records import NewBlock
from alchemiser_dagster.ledger.lot_choices import chosen_lots
from alchemiser_dagster.ledger.lot_posting import open_book_lots
from alchemiser_dagster.ledger.rails import Rails
from alchemiser_dagster.ledger.session_records import NewTrade, trade_id

UNSURE_CASH = "the account's cash does not agree with the books'"


def trades_of_plan(
    connection: Connection,
    book: str,
    plan: Plan,
    *,
    policy: LotPolicy,
    rails: Rails,
    unsure: bool = False,
) -> list[NewTrade]:
    """A book's trades; those that a rail forbids, or `unsure` cash, are blocked.

    Raises LotError for a sale whose lots are to be named and are not.
    """
    found = []
    for item in plan.sells:
        why = rails.obstacle(symbol=item.symbol, side="sell", book=book)
        found.append(
            NewTrade(
                book,
                item.symbol,
                "sell",
                item.quantity,
                None,
                is_exit=item.quantity == item.held,
                lot_order=order_of_sale(
                    policy,
                    open_book_lots(connection, book, item.symbol),
                    quantity=item.quantity,
                    named=chosen_lots(connection, book, item.symbol),
                ),
                state="planned" if why is None else "blocked",
                reason=why or "",
            )
        )
    for item in plan.buys:
        why = rails.obstacle(symbol=item.symbol, side="buy", book=book)
        why = why or (UNSURE_CASH if unsure else None)
        if plan.cash < 0:
            why = why or f"the book's cash is {to_cents(plan.cash)}"
        found.append(
            NewTrade(
                book,
                item.symbol,
                "buy",
                ZERO,
                to_cents(item.difference),
                is_exit=False,
                state="planned" if why is None else "blocked",
                reason=why or "",
            )
        )
    for item in plan.items:
        if item.action is Action.SKIP:
            found.append(
                NewTrade(
                    book,
                    item.symbol,
                    "buy",
                    ZERO,
                    to_cents(item.difference),
                    is_exit=False,
                    state="skipped",
                    reason=item.reason,
                )
            )
    return found


def hold_back_for_crossing(
    session: date,
    trades: Sequence[NewTrade],
    prices: Mapping[str, Decimal],
    whole_shares: Set[str],
) -> list[NewTrade]:
    """The trades with what of each sale waits for another book's purchase."""
    names = {id(t): trade_id(session, t.book, t.symbol, t.side) for t in trades}
    live = [t for t in trades if t.state == "planned"]
    kept = hold_back(
        [Sale(names[id(t)], t.book, t.symbol, t.quantity) for t in live if t.side == "sell"],
        [
            Purchase(names[id(t)], t.book, t.symbol, t.budget or ZERO)
            for t in live
            if t.side == "buy"
        ],
        prices,
        whole_shares=whole_shares,
    )
    return [replace(t, held_back=kept.get(names[id(t)], ZERO)) for t in trades]


def sale_blocks(session: date, trades: Sequence[NewTrade]) -> list[NewBlock]:
    """What of the sales goes to the market before the purchases, one block a symbol."""
    by_symbol: dict[str, dict[str, Decimal]] = {}
    for trade in trades:
        to_market = trade.quantity - trade.held_back
        if trade.side == "sell" and trade.state == "planned" and to_market > 0:
            name = trade_id(session, trade.book, trade.symbol, trade.side)
            by_symbol.setdefault(trade.symbol, {})[name] = to_market
    return [NewBlock(symbol, "sell", own) for symbol, own in sorted(by_symbol.items())]
