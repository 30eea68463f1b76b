"""`account`: what the broker held when a session had been traded, and all that is of the whole.

Its checks are in `account_checks`.
"""

import dagster as dg
import polars as pl

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.defs.account_checks import account_checks
from alchemiser_dagster.defs.account_performance import account_performance_asset
from alchemiser_dagster.defs.accounting import TRADED
from alchemiser_dagster.defs.equity_history import equity_history_asset
from alchemiser_dagster.defs.following import FOLLOWING
from alchemiser_dagster.defs.performance import portfolio_performance_asset
from alchemiser_dagster.defs.plans import EXACT
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables
from alchemiser_dagster.execution.reconciliation import CASH, NotTraded, total_positions
from alchemiser_dagster.ledger.queries import book_cash, positions, snapshot

HOLDING_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "what": pl.String,
    "books": EXACT,
    "broker": EXACT,
}


def account_assets(
    partitions: dg.PartitionsDefinition[str],
) -> tuple[list[dg.AssetsDefinition], list[dg.AssetChecksDefinition]]:
    """The account-wide assets and their checks."""

    @dg.asset(
        deps=[dg.AssetKey(TRADED)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="account",
        io_manager_key="session_tables",
        automation_condition=FOLLOWING,
    )
    def account(context: dg.AssetExecutionContext, records: AccountRecords) -> SessionTables:
        """What the broker said the account held when the session had been traded.

        One row for cash (dollars) and for each symbol (shares): what, books, broker.
        """
        return {key: _holdings(records, key) for key in context.partition_keys}

    portfolio = portfolio_performance_asset(account, partitions)
    whole, parts_check = account_performance_asset(partitions)
    assets = [account, portfolio, equity_history_asset(), whole]
    return assets, [*account_checks(account), parts_check]


def _holdings(records: AccountRecords, key: str) -> pl.DataFrame:
    session = as_session(key)
    with records.ledger.read() as connection:
        seen = snapshot(connection, session, "after")
        if seen is None:
            raise NotTraded(session)
        cash = book_cash(connection, through=session)
        held = positions(connection, through=session)
    books = total_positions(held)
    rows = [(CASH, sum(cash.values(), ZERO), seen.cash)]
    rows += [
        (symbol, books.get(symbol, ZERO), seen.positions.get(symbol, ZERO))
        for symbol in sorted({*books, *seen.positions})
    ]
    return pl.DataFrame(rows, schema=HOLDING_COLUMNS, orient="row")
