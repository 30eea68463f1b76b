"""I3: what lots say and what cash says are the same.

    lot     shares left = entry - exits + adjustments, and the same for its cost
    book    cash = what came in + realised - cost of open lots + cost that it did not pay

With the market value of the lots on both sides, the second line is: equity change - flows =
realised + unrealised.
"""

from collections.abc import Iterator

from tests.simulation.tables import DOLLARS, SHARES, UNATTRIBUTED, ZERO, Tables, exact


def lots(tables: Tables) -> Iterator[str]:
    """Every lot is its entry less exits plus adjustments, and no strategy's book is short."""
    rows = tables.rows(
        """
        SELECT l.lot_id, l.book, l.quantity, l.cost,
               l.entry_quantity - COALESCE((SELECT SUM(e.quantity) FROM lot_exits e
                                            WHERE e.lot_id = l.lot_id), 0)
                                + COALESCE((SELECT SUM(a.quantity) FROM lot_adjustments a
                                            WHERE a.lot_id = l.lot_id), 0),
               l.entry_cost - COALESCE((SELECT SUM(e.cost) FROM lot_exits e
                                        WHERE e.lot_id = l.lot_id), 0)
                            + COALESCE((SELECT SUM(a.cost) FROM lot_adjustments a
                                        WHERE a.lot_id = l.lot_id), 0)
        FROM lots l
        """
    )
    for lot, book, shares, cost, derived_shares, derived_cost in rows:
        if (shares, cost) != (derived_shares, derived_cost):
            yield (
                f"I3: lot {lot}: expected its entry less exits, "
                f"{exact(derived_shares, SHARES)} for {exact(derived_cost, DOLLARS)}, "
                f"was {exact(shares, SHARES)} for {exact(cost, DOLLARS)}"
            )
        if shares < 0 and book != UNATTRIBUTED:
            yield f"I5: lot {lot} of {book}: expected no short lot, was {exact(shares, SHARES)}"
        if shares == 0 and cost != 0:
            yield f"I3: lot {lot}: expected no cost without shares, was {exact(cost, DOLLARS)}"


def profit(tables: Tables) -> Iterator[str]:
    """Every book's cash is what came in, plus what it realised, less what its lots cost it."""
    cash = tables.cash()
    flows = tables.totals(
        "SELECT book, SUM(amount) FROM cash_entries WHERE kind NOT IN ('buy', 'sell')"
        " GROUP BY book",
        DOLLARS,
    )
    realised = tables.totals(
        "SELECT l.book, SUM(e.proceeds - e.cost) FROM lot_exits e"
        " JOIN lots l ON l.lot_id = e.lot_id GROUP BY l.book",
        DOLLARS,
    )
    open_cost = tables.totals("SELECT book, SUM(cost) FROM lots GROUP BY book", DOLLARS)
    given = tables.totals(
        "SELECT book, SUM(entry_cost) FROM lots"
        " WHERE lot_id NOT IN (SELECT fill_id FROM fills) GROUP BY book",
        DOLLARS,
    )
    adjusted = tables.totals(
        "SELECT l.book, SUM(a.cost) FROM lot_adjustments a"
        " JOIN lots l ON l.lot_id = a.lot_id WHERE a.kind <> 'bust' GROUP BY l.book",
        DOLLARS,
    )
    for book, has in cash.items():
        expected = (
            flows.get(book, ZERO)
            + realised.get(book, ZERO)
            - open_cost.get(book, ZERO)
            + given.get(book, ZERO)
            + adjusted.get(book, ZERO)
        )
        if has != expected:
            yield (
                f"I3: {book}: expected cash of {expected} (in and out "
                f"{flows.get(book, ZERO)}, realised {realised.get(book, ZERO)}, cost of open "
                f"lots {open_cost.get(book, ZERO)}), was {has}"
            )
