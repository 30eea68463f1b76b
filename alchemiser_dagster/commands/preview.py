"""`alchemiser preview`: what the next session would trade, and why not; it sends nothing.

Each book's plan first, then what is left of all of them for the market: one order a symbol and
round, beside what books trade with each other and the capital that is moved between them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from alchemiser_dagster.books.planning import Action, Plan, PlanItem
from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.broker_desk import broker_desk, records_of
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.defs.wishes import expected_wish
from alchemiser_dagster.embedded import StateFileError
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.execution.opening import WrongLedger
from alchemiser_dagster.execution.outlook import SessionUnderWay, look_ahead
from alchemiser_dagster.execution.preview import Preview, PreviewedOrder
from alchemiser_dagster.execution.preview import preview as preview_session
from alchemiser_dagster.execution.withdrawal import UNREACHABLE
from alchemiser_dagster.ledger.session_records import trade_id
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import NEW_YORK
from alchemiser_dagster.settings import SettingsError


def preview() -> None:
    """Print what the next session would send, and the reason of everything it would not.

    Exit code 1 when a symbol has no usable quote, no book can be planned, or the session would be
    refused.
    """
    try:
        with opened_account() as account, broker_desk(account) as desk:
            records = records_of(account)
            terms = records.terms()
            ahead = look_ahead(desk, terms)
            wishes = {b.name: expected_wish(records, b, ahead.session) for b in records.books()}
            made = preview_session(desk, ahead, wishes, terms)
    except (
        *UNREACHABLE, BarsError, BooksError, SessionUnderWay, SettingsError, StateFileError,
        WrongBroker, WrongLedger,
    ) as error:  # fmt: skip
        fail(str(error))
    at = ahead.account.taken_at.astimezone(NEW_YORK)
    state = "open" if ahead.market_is_open else "closed, so the latest quotes are used"
    out.print(
        f"The session of {ahead.session} as of {at:%Y-%m-%d %H:%M:%S} New York; the market is "
        f"{state}.",
        highlight=False,
        soft_wrap=True,
    )
    for note in ahead.notes:
        err.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
    for book, plan in made.plan.plans.items():
        out.print(_book_table(made, book, plan))
    sent = [order for order in made.orders if not order.stopped]
    if sent:
        out.print(_orders_table(sent))
    if made.sizing.crosses:
        out.print(_crosses_table(made))
    moved = [("opened or closed", ahead.changes), ("shared out anew", made.plan.transfers)]
    if any(dollars for _, dollars in moved):
        out.print(_transfers_table(moved))
    _say_what_is_left_out(made)
    _end(made, len(sent))


def _end(made: Preview, orders: int) -> None:
    """Say how many orders would be sent, or end the command with exit code 1."""
    if made.faults:
        lines = [f"{symbol}: {fault}" for symbol, fault in sorted(made.faults.items())]
        fail("\n".join(["without a usable quote:", *lines]))
    if made.outlook.refusal is not None:
        fail(f"nothing would be sent: {made.outlook.refusal}")
    if not made.plan.plans:
        fail("no book can be planned")
    told = "1 order" if orders == 1 else f"{orders} orders"
    out.print(f"{told} would be sent. Nothing was sent or recorded now.", highlight=False)


def _book_table(made: Preview, book: str, plan: Plan) -> Table:
    table = _table(
        f"{book}: {plan.trigger or 'not due'}; capital {plan.capital:,.2f}, cash {plan.cash:,.2f}",
        ("symbol", "action"),
        ("weight", "held", "target", "current", "to trade"),
        ("reason",),
    )
    for item in plan.items:
        trade, reason = _trade_of(made, book, item)
        table.add_row(
            item.symbol,
            item.action.value,
            f"{item.weight:.2%}",
            _shares(item.held),
            f"{item.target:,.2f}",
            f"{item.current:,.2f}",
            trade,
            Text(reason),
        )
    return table


def _trade_of(made: Preview, book: str, item: PlanItem) -> tuple[str, str]:
    """What is traded of a symbol, shares or dollars, and why, or why not."""
    if item.action not in (Action.EXIT, Action.SELL, Action.BUY):
        return "", item.reason
    side = "buy" if item.action is Action.BUY else "sell"
    name = trade_id(made.outlook.session, book, item.symbol, side)
    why_not = made.reason(name)
    if why_not:
        return "", why_not
    if side == "sell":
        return f"{_shares(item.quantity)} shares", item.reason
    return f"{made.sizing.purchases[name].budget:,.2f} dollars", item.reason


def _orders_table(orders: Sequence[PreviewedOrder]) -> Table:
    table = _table(
        "To the market: round 2 when the sales of round 1 have ended",
        ("round", "symbol", "side"),
        ("shares", "dollars", "first limit"),
        ("books",),
    )
    for order in orders:
        table.add_row(
            str(order.round),
            order.symbol,
            order.side,
            _shares(order.quantity),
            f"{order.dollars:,.2f}",
            f"{order.limit:f}",
            " ".join(order.books),
        )
    return table


def _crosses_table(made: Preview) -> Table:
    table = _table(
        "Between the books, at the mid",
        ("symbol",),
        ("shares", "price", "saved spread"),
        ("sold by", "bought by"),
    )
    for cross in made.sizing.crosses:
        sellers, buyers = (
            sorted(made.trades[name].book for name in side)
            for side in (cross.sales, cross.purchases)
        )
        table.add_row(
            cross.symbol,
            _shares(cross.quantity),
            _shares(cross.price),
            f"{cross.saved_spread:,.2f}",
            " ".join(sellers),
            " ".join(buyers),
        )
    return table


def _transfers_table(moved: Sequence[tuple[str, Mapping[str, Decimal]]]) -> Table:
    table = _table("Capital between the books", ("book",), ("dollars",), ("because it is",))
    for why, dollars in moved:
        for book, amount in sorted(dollars.items()):
            table.add_row(book, f"{amount:+,.2f}", why)
    return table


def _say_what_is_left_out(made: Preview) -> None:
    """Every book without a plan, and every trade and order that is not made, with the reason."""
    lines = [f"{book}: {why}" for book, why in sorted(made.plan.refused.items())]
    lines += [
        f"{trade.book}: {trade.side} {trade.symbol}: {why}"
        for name, trade in sorted(made.trades.items())
        if (why := made.reason(name))
    ]
    lines += [
        f"{' '.join(order.books)}: {order.side} {_shares(order.quantity)} {order.symbol}: "
        f"{order.stopped}"
        for order in made.orders
        if order.stopped
    ]
    if lines:
        out.print("Not traded", style="bold")
    for line in lines:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _table(
    title: str, first: tuple[str, ...], numbers: tuple[str, ...], last: tuple[str, ...]
) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for name in (*first, *numbers, *last):
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return table


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
