"""I1 and I2: the books' shares and cash sum to the broker's, at every moment.

    books' shares + executions not posted + other movements not posted = broker's shares

and the same for dollars. What has moved at the broker and is not in the ledger yet is known to the
witness, so the sums are exact also in the middle of an order.
"""

from collections.abc import Iterator
from datetime import datetime

from tests.simulation.tables import DOLLARS, SHARES, ZERO, Tables, added, by_symbol, exact
from tests.simulation.witness import Movement, Witness


def unposted(tables: Tables, witness: Witness) -> list[Movement]:
    """What has moved the broker's shares or cash and is not in the ledger yet."""
    posted = tables.values("SELECT execution_id FROM executions")
    posted |= tables.values("SELECT activity_id FROM activities")
    return [m for name, m in witness.movements.items() if name not in posted]


def shares_and_cash(tables: Tables, witness: Witness) -> Iterator[str]:
    """The sums agree now."""
    waiting = unposted(tables, witness)
    held = by_symbol(tables.positions())
    booked = added([*held.items(), *((m.symbol or "", m.shares) for m in waiting if m.shares != 0)])
    broker = witness.positions()
    for symbol in sorted({*booked, *broker}):
        ours, theirs = booked.get(symbol, ZERO), broker.get(symbol, ZERO)
        if ours != theirs:
            yield (
                f"I1: {symbol}: expected the broker's {theirs}, was {ours} "
                f"(books {held.get(symbol, ZERO)}, the rest not posted)"
            )
    cash = sum(tables.cash().values(), ZERO)
    if cash == 0:
        return  # the account is not opened yet
    ours = cash + sum((m.cash for m in waiting), ZERO)
    if ours != witness.cash:
        yield f"I2: expected the broker's cash {witness.cash}, was {ours} (books {cash})"


def nothing_unposted(tables: Tables, witness: Witness, since: datetime) -> Iterator[str]:
    """The program's executions are all posted, and whatever else happened before `since`."""
    for movement in unposted(tables, witness):
        if not movement.is_ours and movement.at >= since:
            continue
        yield (
            f"I1: expected everything to be posted at rest, was not: {movement.kind} of "
            f"{movement.symbol} {movement.shares} shares {movement.cash} dollars at "
            f"{movement.at} ({movement.activity_id})"
        )


def split_exactly(tables: Tables) -> Iterator[str]:
    """Each execution's shares and dollars are those of its fills; crosses come to nothing."""
    rows = tables.rows(
        "SELECT e.execution_id, e.quantity, e.cash, SUM(f.quantity), SUM(f.cash)"
        " FROM executions e LEFT JOIN fills f ON f.execution_id = e.execution_id"
        " AND f.busts IS NULL GROUP BY e.execution_id, e.quantity, e.cash"
    )
    for name, quantity, cash, shares, dollars in rows:
        if (quantity, cash) != (shares, dollars):
            yield (
                f"I1: execution {name}: expected fills of {exact(quantity, SHARES)} for "
                f"{exact(cash, DOLLARS)}, was {exact(shares, SHARES)} for "
                f"{exact(dollars, DOLLARS)}"
            )
    rows = tables.rows(
        "SELECT cross_id, SUM(CASE side WHEN 'buy' THEN quantity ELSE -quantity END),"
        " SUM(CASE side WHEN 'buy' THEN cash ELSE -cash END) FROM fills"
        " WHERE cross_id IS NOT NULL GROUP BY cross_id"
    )
    for name, shares, dollars in rows:
        if (shares, dollars) != (0, 0):
            yield (
                f"I1: cross {name}: expected both sides to be equal, was a difference of "
                f"{exact(shares, SHARES)} shares and {exact(dollars, DOLLARS)} dollars"
            )
