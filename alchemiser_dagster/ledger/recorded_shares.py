"""How the ledger has shared out the cash of activities that no history tells the shares of.

    deposits, withdrawals   by the allocations when they were posted, which may have changed since
    interest                by the cash of the moment in which it was posted

Once posted, the shares are facts that only the ledger knows, and they are read from its journal.
Dividends and fees follow from who held and who sold, which the broker's history does tell.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.account_activity import AccountActivity, Treatment, plain
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.income_posting import DEPOSITS, is_interest
from alchemiser_dagster.ledger.journal import enter, entries
from alchemiser_dagster.ledger.journaled import Values, typed
from alchemiser_dagster.ledger.schema import activities, cash_entries

Shares = Mapping[str, tuple[str, Sequence[Values]]]
"""By activity: what the ledger said it did, and the rows of `cash_entries`."""


def recorded_shares(connection: Connection) -> Shares:
    """Of every such activity that the ledger has posted, the cash that each book got of it."""
    posted = {
        row.activity_id: row.treatment
        for row in connection.execute(select(activities))
        if row.amount and (row.kind in DEPOSITS or is_interest(row.kind))
    }
    found: dict[str, tuple[str, list[Values]]] = {
        activity_id: (treatment, []) for activity_id, treatment in posted.items()
    }
    for entry in entries(connection):
        if entry.kind == cash_entries.name:
            for raw in entry.rows:
                if raw["source_id"] in found:
                    found[raw["source_id"]][1].append(typed(cash_entries, raw))
    return found


def post_as_recorded(
    connection: Connection, activity: AccountActivity, treatment: str, rows: Sequence[Values]
) -> Treatment:
    """Enter the cash of an activity as it was shared. Raises LedgerError when it is not all of it.

    The books must be there.
    """
    shared, amount = sum((row["amount"] for row in rows), ZERO), activity.amount or ZERO
    if shared != amount:
        raise LedgerError(
            f"expected shares of {activity} in the journal that sum to {plain(amount)}, was "
            f"{plain(shared)}: nobody knows any more which books got it"
        )
    enter(
        connection,
        cash_entries,
        [{name: value for name, value in row.items() if name != "entry_id"} for row in rows],
    )
    return Treatment(treatment)
