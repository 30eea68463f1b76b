"""What follows from a difference between the books and the broker.

    match              nothing; a freeze that an earlier comparison set is lifted
    dust               it is recorded
    unexpected,        the shares are booked to `unattributed`, at what they are worth
      orphan_long
    corporate_action,  the symbol is frozen: no book buys or sells it until the two agree again, or
      shortfall          an operator resumes it
    short              the account is halted until an operator resumes it

    cash: residual     booked to `unallocated`, so that the sums are exact again
          paid         booked to `unattributed`, beside the shares it was paid for
          unexplained  recorded as a break; not booked
          no_purchases the same, and the caller buys nothing this session

Trades made by hand are no difference: the broker reports their fills as activities, and those are
to be posted first. Shares without any activity are booked at the broker's price. Cash does not move
by that: shares may have been given to the account. Only when cash is missing that they account for
is it booked too, all of it, whatever the price has become since.

All is done in the caller's transaction. Comparing again in the same session replaces what was
recorded, except what was booked: the second comparison agrees only because of that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.books.reconciliation import CashClassification, Classification
from alchemiser_dagster.execution.reconciliation import Item, judge
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.open_orders import resting_orders
from alchemiser_dagster.ledger.queries import Snapshot
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, restricting_rows, set_rail, symbol_scope
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    UNATTRIBUTED,
    cash_entries,
    executions,
    lots,
    reconciliation_items,
)

RECONCILIATION = "reconciliation"
"""Who sets and lifts these freezes. One that an operator set stays."""
SETTLING = timedelta(seconds=5)
"""The broker's positions may lag behind its executions by this much."""
PRICE = Decimal("0.000001")
BOOKED = (
    Classification.UNEXPECTED,
    Classification.ORPHAN_LONG,
    CashClassification.RESIDUAL,
    CashClassification.PAID,
)
AGREES = (Classification.MATCH, CashClassification.MATCH)


class TooEarly(Exception):
    """The account was read while its positions could still change under an order of ours."""


def earliest_reading(connection: Connection) -> datetime | None:
    """The moment from which on the broker's positions show all executions in the ledger.

    None when there are no executions.
    """
    last = connection.execute(select(func.max(executions.c.executed_at))).scalar()
    return None if last is None else last + SETTLING


def reconcile(
    connection: Connection,
    broker: Snapshot,
    *,
    session: date,
    kind: str,
    prices: Mapping[str, Decimal],
    counts_to: date | None = None,
) -> list[Item]:
    """Compare the books with `broker`, act on what differs, and record it all for `session`.

    `kind` is before, after_buys or after_close. `prices` are the broker's at the time of the
    snapshot, dollars a share by symbol. What is booked counts to the session `counts_to`, by
    default `session`. Returns an item for every symbol, those that agree too, and one for cash;
    those that `breaks` ask for somebody to look.

    Raises TooEarly, and does nothing, when an order is open or was filled just before the snapshot.
    """
    _check_quiet(connection, broker.taken_at)
    quantised = {symbol: price.quantize(PRICE) for symbol, price in prices.items()}
    items = judge(connection, broker, prices=quantised)
    occasion = _Occasion(session, kind, broker.taken_at, counts_to or session)
    resolutions = {item.what: _resolve(connection, item, occasion) for item in items}
    for symbol in _lift(connection, items, broker.taken_at):
        resolutions[symbol] = "books and broker agree again: the freeze is lifted"
    _record(connection, items, resolutions, occasion)
    return items


@dataclass(frozen=True)
class _Occasion:
    """When the books were compared, and the session that what is booked then counts to."""

    session: date
    kind: str
    at: datetime
    counts_to: date

    def __str__(self) -> str:
        return f"{self.session.isoformat()}.{self.kind}"


def _check_quiet(connection: Connection, taken_at: datetime) -> None:
    resting = [order.client_order_id for order in resting_orders(connection)]
    if resting:
        raise TooEarly(
            "expected every order to have ended before the books are compared with the broker, "
            f"was open: {', '.join(resting)}"
        )
    earliest = earliest_reading(connection)
    if earliest is not None and taken_at < earliest:
        raise TooEarly(
            f"expected an account that was read at {earliest} or later, {SETTLING.seconds} s after "
            f"the last execution, was {taken_at}: read it again"
        )


def _resolve(connection: Connection, item: Item, occasion: _Occasion) -> str:
    """Do what the item asks for; returns what was done."""
    match item.classification:
        case Classification.DUST:
            return "recorded"
        case Classification.UNEXPECTED | Classification.ORPHAN_LONG:
            return _book_shares(connection, item, occasion)
        case Classification.CORPORATE_ACTION:
            return _freeze(connection, item, occasion.at, "it looks like a split")
        case Classification.SHORTFALL:
            return _freeze(connection, item, occasion.at, "shares are missing")
        case Classification.SHORT:
            return _halt(connection, item, occasion.at)
        case CashClassification.RESIDUAL:
            return _book_cash(connection, item, UNALLOCATED, occasion)
        case CashClassification.PAID:
            return _book_cash(connection, item, UNATTRIBUTED, occasion)
        case CashClassification.UNEXPLAINED:
            return "not booked"
        case CashClassification.NO_PURCHASES:
            return "not booked; nothing is bought this session"
    return ""


def _book_shares(connection: Connection, item: Item, occasion: _Occasion) -> str:
    if item.price is None:
        return "not booked: expected the broker's price of it, was none"
    open_other_lot(
        connection,
        lot_id=_unused(connection, lots.c.lot_id, f"{UNATTRIBUTED}.{occasion}.{item.what}"),
        book=UNATTRIBUTED,
        symbol=item.what,
        session=occasion.counts_to,
        at=occasion.at,
        quantity=item.excess,
        price=item.price,
        cost=to_cents(item.excess * item.price),
    )
    return f"{_plain(item.excess)} booked to {UNATTRIBUTED} at {_plain(item.price)}"


def _book_cash(connection: Connection, item: Item, book: str, occasion: _Occasion) -> str:
    row = {
        "book": book,
        "session": occasion.counts_to,
        "kind": "residual",
        "source_id": _unused(connection, cash_entries.c.source_id, str(occasion)),
        "amount": item.excess,
        "at": occasion.at,
    }
    enter(connection, cash_entries, row)
    return f"{item.excess:f} booked to {book}"


def _unused(connection: Connection, column: ColumnElement[str], wanted: str) -> str:
    """`wanted`, or the first of `wanted`.2, .3, ... that is not in the column yet."""
    taken = set(
        connection.execute(select(column).where(column.startswith(wanted, autoescape=True)))
        .scalars()
        .all()
    )
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}.{number}"
    return name


def _freeze(connection: Connection, item: Item, at: datetime, why: str) -> str:
    """Freeze the symbol; an operator's freeze stays the operator's."""
    scope = symbol_scope(item.what)
    if _set_by(connection, Rail.FREEZE, scope) not in (None, RECONCILIATION):
        return "frozen by an operator already"
    reason = f"{why}: the books hold {_plain(item.books)}, the broker {_plain(item.broker)}"
    set_rail(connection, Rail.FREEZE, scope, on=True, reason=reason, set_by=RECONCILIATION, at=at)
    return f"frozen, {why}"


def _halt(connection: Connection, item: Item, at: datetime) -> str:
    if _set_by(connection, Rail.HALT, ACCOUNT) is None:
        reason = f"the account is short: the broker holds {_plain(item.broker)} {item.what}"
        set_rail(
            connection, Rail.HALT, ACCOUNT, on=True, reason=reason, set_by=RECONCILIATION, at=at
        )
    return "the account is halted"


def _set_by(connection: Connection, rail: Rail, scope: str) -> str | None:
    """Who put a rail on; None when it is off."""
    rows = restricting_rows(connection)
    return next((row.set_by for row in rows if (row.rail, row.scope) == (rail, scope)), None)


def _plain(amount: Decimal) -> str:
    """Shares or a price, without the zeros that the ledger keeps."""
    return f"{amount.normalize():f}"


def freezes_to_lift(connection: Connection, items: Sequence[Item]) -> list[str]:
    """The symbols of our freezes that agree again, or that neither side holds."""
    differing = {symbol_scope(item.what) for item in items if item.classification not in AGREES}
    return [
        row.scope.removeprefix(symbol_scope(""))
        for row in restricting_rows(connection)
        if row.rail == Rail.FREEZE and row.set_by == RECONCILIATION and row.scope not in differing
    ]


def _lift(connection: Connection, items: Sequence[Item], at: datetime) -> list[str]:
    """Lift our freezes of symbols that agree again; returns them."""
    lifted = freezes_to_lift(connection, items)
    for symbol in lifted:
        set_rail(
            connection,
            Rail.FREEZE,
            symbol_scope(symbol),
            on=False,
            reason="books and broker agree again",
            set_by=RECONCILIATION,
            at=at,
        )
    return lifted


def _record(
    connection: Connection,
    items: Sequence[Item],
    resolutions: Mapping[str, str],
    occasion: _Occasion,
) -> None:
    table = reconciliation_items
    of_occasion = (table.c.session == occasion.session, table.c.kind == occasion.kind)
    booked = set(
        connection.execute(
            select(table.c.what).where(*of_occasion, table.c.classification.in_(BOOKED))
        ).scalars()
    )
    kept = {item.what for item in items if item.classification in AGREES} & booked
    connection.execute(delete(table).where(*of_occasion, table.c.what.not_in(kept)))
    rows = [
        {
            "session": occasion.session,
            "kind": occasion.kind,
            "what": item.what,
            "books": item.books,
            "broker": item.broker,
            "price": item.price,
            "classification": item.classification.value,
            "resolution": resolutions[item.what],
            "breaks": item.breaks,
            "at": occasion.at,
        }
        for item in items
        if item.what not in kept
    ]
    if rows:
        connection.execute(insert(table), rows)
