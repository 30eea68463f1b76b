"""What bars are asked for, and of which sessions: `universe` and `calendar`.

Both are one table, made anew as often as anybody likes. The calendar comes from a pinned library;
that the broker's is the same is a check, because orders go by the broker's.
"""

from datetime import date

import dagster as dg
import polars as pl
from requests import RequestException

from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.execution.broker_calendar import calendar_disagreements
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.market.sessions import (
    calendar_span,
    is_early_close,
    session_close,
    session_open,
    sessions_between,
)
from alchemiser_dagster.settings import SettingsError

UNIVERSE = "universe"
CALENDAR = "calendar"
WHOLE = "all"
"""The name of the one table of an asset that is not partitioned."""
BROKER_SILENT = (BrokerError, RequestException, SettingsError, WrongBroker)
"""Why the broker's clock and calendar may not be known. The second is an embedded broker that has
ended: its time cannot be waited for either."""


def reference_assets() -> tuple[list[dg.AssetsDefinition], list[dg.AssetChecksDefinition]]:
    """The two assets, and the check against the broker."""

    @dg.asset(key=UNIVERSE, group_name="market")
    def universe(
        context: dg.AssetExecutionContext, records: AccountRecords
    ) -> dg.MaterializeResult[None]:
        """Every symbol that must have bars, and whose it is.

        Columns: symbol, tradable, referenced and held (the books that may buy it, look at its
        price, own it), sessions (the longest history wanted), first_named (file, line, column).
        """
        made = records.universe()
        try:
            before = records.tables.read([UNIVERSE], WHOLE)
        except TableMissing:
            before = made.table.clear()
        added, removed = made.changes_since(before)
        records.tables.write([UNIVERSE], WHOLE, made.table)
        listed = made.table.with_columns(
            pl.col("tradable", "referenced", "held").list.join(", ")
        ).to_dicts()
        return dg.MaterializeResult(
            metadata={
                "symbols": made.table.height,
                "added": ", ".join(added) or "none",
                "removed": ", ".join(removed) or "none",
                "universe": dg.MetadataValue.table(
                    [dg.TableRecord(row) for row in listed],
                    dg.TableSchema([dg.TableColumn(name) for name in made.table.columns]),
                ),
            }
        )

    @dg.asset(key=CALENDAR, group_name="market")
    def calendar(
        context: dg.AssetExecutionContext, records: AccountRecords
    ) -> dg.MaterializeResult[None]:
        """The sessions from the account's inception on, as far ahead as they are known.

        Columns: session, opens_at, closes_at, early (whether it closes before 16:00 New York).
        """
        table = calendar_table(records.facts.inception, calendar_span()[1])
        records.tables.write([CALENDAR], WHOLE, table)
        early = [str(day) for day in table.filter("early")["session"]]
        return dg.MaterializeResult(
            metadata={
                "sessions": table.height,
                "known to": str(table["session"].max()),
                "early closes": ", ".join(early),
            }
        )

    @dg.asset_check(asset=calendar)
    def agrees_with_broker(trading: TradingDesk) -> dg.AssetCheckResult:
        """The broker's calendar of the next 30 days has the same sessions, opens and closes.

        Where it does not, orders go by the broker's. A closure is to be written in calendar.toml
        beside the strategies, or the day after it waits for bars that will never be.
        """
        try:
            found = calendar_disagreements(trading.desk())
        except BROKER_SILENT as error:
            return dg.AssetCheckResult(
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"not compared": str(error)},
            )
        return dg.AssetCheckResult(
            passed=not found,
            metadata={
                "found": len(found),
                "disagreements": dg.MetadataValue.table(
                    [dg.TableRecord({"what": line}) for line in found],
                    dg.TableSchema([dg.TableColumn("what")]),
                ),
            },
        )

    return [universe, calendar], [agrees_with_broker]


def calendar_table(first: date, last: date) -> pl.DataFrame:
    """The sessions from `first` to `last`: session, opens_at, closes_at (UTC), early."""
    sessions = sessions_between(first, last)
    moment = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        [(day, session_open(day), session_close(day), is_early_close(day)) for day in sessions],
        schema={"session": pl.Date, "opens_at": moment, "closes_at": moment, "early": pl.Boolean},
        orient="row",
    )
