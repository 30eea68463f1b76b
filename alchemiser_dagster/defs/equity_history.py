"""`equity_history`: the broker's own word for what the account was worth at each close.

It knows nothing of books, so it is what their sum is held against. Like the bars it comes from
outside; the resource that reads it can do nothing else, because no asset may trade.
"""

from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from alchemiser_dagster.books.performance_history import EXACT
from alchemiser_dagster.defs.bars import BARS
from alchemiser_dagster.defs.following import WHEN_NEW
from alchemiser_dagster.defs.reference import BROKER_SILENT, WHOLE
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.execution.broker import EquityAtClose
from alchemiser_dagster.market.sessions import NEW_YORK

EQUITY_HISTORY = "equity_history"
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {"date": pl.Date, "equity": EXACT}


class EquityHistory(dg.ConfigurableResource[Any]):
    """The account's equity as its broker tells it. Hands out no desk: it cannot trade."""

    records: dg.ResourceDependency[AccountRecords]

    def since(self, first: date) -> list[EquityAtClose]:
        """Each close from `first` to now that is final, oldest first.

        Raises one of `BROKER_SILENT`.
        """
        gateway = TradingDesk(records=self.records).desk().gateway
        now = gateway.clock().now
        points = gateway.equity_history(first, now.astimezone(NEW_YORK).date())
        return [point for point in points if point.at <= now]


def equity_history_asset() -> dg.AssetsDefinition:
    """The asset `equity_history`."""

    @dg.asset(
        key=EQUITY_HISTORY,
        # The evening's bars: by then the session is over, and the account was read once before.
        deps=[dg.AssetKey("account"), dg.AssetKey(BARS)],
        group_name="account",
        automation_condition=WHEN_NEW,
    )
    def equity_history(
        context: dg.AssetExecutionContext, records: AccountRecords, equity: EquityHistory
    ) -> dg.MaterializeResult[None]:
        """What the account was worth at each close, by the broker's history: date, equity.

        A close that is not final yet comes with a later evening: Alpaca's are at 20:00. Where the
        broker does not answer, what it said before is kept, with a warning.
        """
        known = known_equity(records)
        try:
            points = equity.since(records.facts.inception)
        except BROKER_SILENT as silent:
            context.log.warning(f"the broker's equity history cannot be read: {silent}")
        else:
            rows = [(point.session, point.equity) for point in points]
            known = pl.DataFrame(rows, schema=COLUMNS, orient="row")
        records.tables.write([EQUITY_HISTORY], WHOLE, known)
        last = known["date"].max()
        return dg.MaterializeResult(
            metadata={"sessions": known.height, "last session": str(last) if last else "none"}
        )

    return equity_history


def known_equity(records: AccountRecords) -> pl.DataFrame:
    """The broker's equity by session, as far as it has been asked."""
    try:
        return records.tables.read([EQUITY_HISTORY], WHOLE)
    except TableMissing:
        return pl.DataFrame(schema=COLUMNS)
