"""The items of the TradeLedger table, each a pure function of what the ledger says.

Where an attribute could mean several things:

    order_id         the broker's id of an order; a cross between books has its own
    fill_timestamp   when the first of an order's shares was traded, which no later fill changes
    bid_at_fill,     the quote when the first order for these shares was sent
      ask_at_fill
    strategy_trade_value   the cash that moved in the book, in cents
    created_at       when it happened, not when it was written: writing again changes nothing
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from alchemiser_dagster.books.money import WEIGHT
from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.ledger.correlation import correlation_id
from alchemiser_dagster.publishing.filled_orders import FilledOrder
from alchemiser_dagster.publishing.items import EXPIRES, Item, expiry, number_text, time_text
from alchemiser_dagster.publishing.lot_histories import LotHistory, pnl
from alchemiser_dagster.publishing.signal_states import SignalState

SIGNAL_DAYS = 400
"""Signals expire after so many days. Trades and lots never do: readers add them up."""


def trade_item(order: FilledOrder, account: str) -> Item:
    """An order that the account traded in the market."""
    at, whole = time_text(order.filled_at), order.whole
    correlation = correlation_id(account, order.session)
    item = {
        "PK": f"TRADE#{order.order_id}",
        "SK": "METADATA",
        "EntityType": "TRADE",
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "correlation_id": correlation,
        "ledger_id": account,
        "symbol": order.symbol,
        "direction": order.side.upper(),
        "filled_qty": number_text(whole.quantity),
        "fill_price": number_text(whole.price),
        "fill_timestamp": at,
        "order_type": order.order_type,
        "strategy_names": sorted(order.parts),
        "strategy_weights": {
            book: number_text(_share(order, book)) for book in sorted(order.parts)
        },
        "created_at": at,
        "GSI1PK": f"CORR#{correlation}",
        "GSI1SK": f"TRADE#{at}#{order.order_id}",
        "GSI2PK": f"SYMBOL#{order.symbol}",
        "GSI2SK": f"TRADE#{at}#{order.order_id}",
    }
    if order.bid is not None and order.ask is not None:
        item |= {"bid_at_fill": number_text(order.bid), "ask_at_fill": number_text(order.ask)}
    return item


def strategy_trade_items(order: FilledOrder) -> list[Item]:
    """What each book traded in an order, or with another book in a cross."""
    at = time_text(order.filled_at)
    return [
        {
            "PK": f"STRATEGY#{book}",
            "SK": f"TRADE#{at}#{order.order_id}",
            "EntityType": "STRATEGY_TRADE",
            "strategy_name": book,
            "order_id": order.order_id,
            "order_type": order.order_type,
            "symbol": order.symbol,
            "direction": order.side.upper(),
            "weight": number_text(_share(order, book)),
            "strategy_trade_value": number_text(part.cash),
            "quantity": number_text(part.quantity),
            "price": number_text(part.price),
            "fill_timestamp": at,
            "created_at": at,
            "GSI3PK": f"STRATEGY#{book}",
            "GSI3SK": f"TRADE#{at}#{order.order_id}",
        }
        for book, part in sorted(order.parts.items())
    ]


def _share(order: FilledOrder, book: str) -> Decimal:
    return (order.parts[book].quantity / order.whole.quantity).quantize(WEIGHT)


def lot_item(history: LotHistory, account: str) -> Item:
    """A lot, with an exit record for each part that was sold of it."""
    lot, closed_at = history.lot, history.closed_at
    at = time_text(lot.entry_at)
    state = "OPEN" if history.is_open else "CLOSED"
    item = {
        "PK": f"LOT#{lot.lot_id}",
        "SK": "METADATA",
        "EntityType": "STRATEGY_LOT",
        "lot_id": lot.lot_id,
        "strategy_name": lot.book,
        "symbol": lot.symbol,
        "correlation_id": correlation_id(account, lot.session),
        "entry_order_id": history.order_of(lot.lot_id),
        "entry_price": number_text(history.entry_price),
        "entry_qty": number_text(history.entry_quantity),
        "entry_timestamp": at,
        "remaining_qty": number_text(lot.quantity),
        "cost_basis": number_text(lot.cost),
        "is_open": history.is_open,
        "exit_records": [
            {
                "exit_id": exit_.fill_id,
                "exit_order_id": history.order_of(exit_.fill_id),
                "exit_timestamp": time_text(exit_.exited_at),
                "exit_qty": number_text(exit_.quantity),
                "exit_price": number_text(exit_.price),
                "realized_pnl": number_text(pnl(exit_)),
            }
            for exit_ in history.exits
        ],
        "realized_pnl": number_text(history.realised),
        "created_at": at,
        "GSI5PK": f"STRATEGY_LOTS#{lot.book}",
        "GSI5SK": f"{state}#{lot.symbol}#{at}",
        "GSI6PK": f"SYMBOL_LOTS#{lot.symbol}",
        "GSI6SK": f"{state}#{lot.book}#{at}",
    }
    return item if closed_at is None else item | {"fully_closed_at": time_text(closed_at)}


def signal_item(signal: SignalState, account: str) -> Item:
    """A strategy's wish for one symbol; its time is the close that it was made from."""
    at = time_text(signal.made_at)
    name = signal_id(signal.session, signal.book, signal.symbol)
    correlation = correlation_id(account, signal.session)
    sort_key = f"SIGNAL#{at}#{name}"
    return {
        "PK": f"SIGNAL#{name}",
        "SK": "METADATA",
        "EntityType": "SIGNAL",
        "signal_id": name,
        "correlation_id": correlation,
        "causation_id": correlation,
        "timestamp": at,
        "strategy_name": signal.book,
        "data_source": f"{signal.book}.clj",
        "symbol": signal.symbol,
        "action": signal.action,
        "target_allocation": number_text(signal.weight),
        "reasoning": signal.reason,
        "lifecycle_state": signal.lifecycle,
        "executed_trade_ids": list(signal.order_ids),
        "created_at": at,
        "ledger_id": account,
        EXPIRES: expiry(signal.made_at, SIGNAL_DAYS),
        "GSI1PK": f"CORR#{correlation}",
        "GSI1SK": sort_key,
        "GSI2PK": f"SYMBOL#{signal.symbol}",
        "GSI2SK": sort_key,
        "GSI3PK": f"STRATEGY#{signal.book}",
        "GSI3SK": sort_key,
        "GSI4PK": f"STATE#{signal.lifecycle}",
        "GSI4SK": sort_key,
    }


def signal_id(session: date, book: str, symbol: str) -> str:
    """The id of a signal: a book wants one weight of a symbol in a session."""
    return f"{session}.{book}.{symbol}"


def strategy_items(names: Sequence[str], books: Sequence[Book]) -> list[Item]:
    """The list of the ledger's books, so that nobody need scan for them.

    A book that no strategy stands behind (cash not given to any, shares that none bought) has a
    name and nothing else.
    """
    known = {book.name: book for book in books}
    return [_strategy_item(name, known.get(name)) for name in sorted(names)]


def _strategy_item(name: str, book: Book | None) -> Item:
    symphony = book.symphony if book is not None else None
    item: Item = {
        "PK": f"STRATEGY#{name}",
        "SK": "METADATA",
        "EntityType": "STRATEGY_METADATA",
        "strategy_name": name,
        "display_name": name if symphony is None else symphony.title,
        "assets": [] if symphony is None else sorted(symphony.held),
        "frontrunners": []
        if symphony is None
        else sorted(set(symphony.referenced) - set(symphony.held)),
        "GSI3PK": "STRATEGIES",
        "GSI3SK": f"METADATA#{name}",
    }
    return item if symphony is None else item | {"filename": f"{name}.clj"}
