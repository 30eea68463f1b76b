"""`account_performance`: the account as the sum of its books, beside what its broker says of it.

The check `parts_sum_to_account` lists where the two part.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl
from sqlalchemy import Connection

from alchemiser_dagster.books.account_history import account_history
from alchemiser_dagster.books.performance_history import EXACT
from alchemiser_dagster.defs.equity_history import EQUITY_HISTORY, known_equity
from alchemiser_dagster.defs.following import FOLLOWING
from alchemiser_dagster.defs.partly import by_session, kept
from alchemiser_dagster.defs.performance import measured, why_unvalued
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.execution.sum_of_parts import (
    TOLERANCE,
    SumOfParts,
    on_their_way,
    sum_of_parts,
)

ACCOUNT_PERFORMANCE = "account_performance"
COMPARED_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "session": pl.Date,
    "equity": EXACT,
    "in_transit": EXACT,
    "residual": EXACT,
}


def account_performance_asset(
    partitions: dg.PartitionsDefinition[str],
) -> tuple[dg.AssetsDefinition, dg.AssetChecksDefinition]:
    """The asset `account_performance` and its check."""

    @dg.asset(
        key=ACCOUNT_PERFORMANCE,
        deps=[dg.AssetKey("portfolio_performance"), dg.AssetKey(EQUITY_HISTORY)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="account",
        io_manager_key="session_tables",
        automation_condition=FOLLOWING,
        output_required=False,
    )
    def account_performance(context: dg.AssetExecutionContext, records: AccountRecords):  # type: ignore[no-untyped-def]
        """The account at the session's close: the sum of its books, beside the broker's equity.

        One row. Dollars: nav, equity, in_transit, residual, flow, pnl, long_market_value, cash;
        fractions: daily_return, time_weighted_return, drawdown, month_to_date_return (Modified
        Dietz); per cent of NAV: gross_exposure_pct, net_exposure_pct, cash_share_pct,
        capital_deployed_pct. equity and residual are null where the broker has not said.
        """
        wanted = [as_session(key) for key in context.partition_keys]
        books, unpriced = measured(records, wanted)
        reasons = why_unvalued(records.snapshots, unpriced, wanted)
        made = account_history(books, unpriced).filter(pl.col("session").is_in(wanted))
        with records.ledger.read() as connection:
            compared = [c for c in _compared(connection, records, made) if c is not None]
        table = _published(made, compared)
        for row in table.to_dicts():
            context.add_asset_metadata(
                {
                    name: float(row[name])
                    for name in ("nav", "pnl", "time_weighted_return", "residual")
                    if row[name] is not None
                },
                partition_key=row["date"].isoformat(),
            )
        valued = [key for key in context.partition_keys if key not in reasons]
        yield from kept(context, records, by_session(table, valued), reasons)

    @dg.asset_check(asset=account_performance)
    def parts_sum_to_account(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> dg.AssetCheckResult:
        """The NAVs of all books are the broker's equity, flows dated exactly, to a dollar.

        Or to a basis point of the equity where that is more. A session of which the broker has not
        said the equity is told; it fails the check, with a warning, where later ones are known.
        """
        made = pl.concat(
            records.tables.read([ACCOUNT_PERFORMANCE], key).select("nav", session="date")
            for key in context.op_execution_context.partition_keys
        )
        with records.ledger.read() as connection:
            compared = _compared(connection, records, made)
        unknown = [s for s, found in zip(made["session"], compared, strict=True) if found is None]
        known_to = known_equity(records)["date"].max() or date.min
        skipped = [session for session in unknown if session <= known_to]
        apart = [found for found in compared if found is not None and not found.holds]
        rows = [dg.TableRecord(row) for found in apart for row in residual_rows(found)]
        return dg.AssetCheckResult(
            passed=not apart and not skipped,
            severity=dg.AssetCheckSeverity.ERROR if apart else dg.AssetCheckSeverity.WARN,
            metadata={
                "sessions": made.height,
                "apart": len(apart),
                "rows": dg.MetadataValue.table(rows, _ROWS_SCHEMA),
                "broker has not said": ", ".join(map(str, unknown)) or "none",
                "tolerance (dollars)": float(TOLERANCE),
            },
        )

    return account_performance, parts_sum_to_account


_ROWS_SCHEMA = dg.TableSchema([dg.TableColumn(name) for name in ("session", "what", "dollars")])


def residual_rows(found: SumOfParts) -> list[dict[str, str]]:
    """Of what a residual is made, a row each."""
    lines = [
        ("broker's equity", found.equity),
        ("books' NAV", -found.nav),
        *((str(line), -line.amount) for line in found.on_its_way),
        ("residual", found.residual),
    ]
    return [
        {"session": str(found.session), "what": what, "dollars": f"{dollars:+.2f}"}
        for what, dollars in lines
    ]


def _compared(
    connection: Connection, records: AccountRecords, made: pl.DataFrame
) -> list[SumOfParts | None]:
    """Books and broker in each row's session; None where the broker has not said."""
    equity: dict[date, Decimal] = dict(known_equity(records).iter_rows())
    return [
        sum_of_parts(session, nav, equity[session], on_their_way(connection, session))
        if session in equity
        else None
        for session, nav in made.select("session", "nav").iter_rows()
    ]


def _published(made: pl.DataFrame, compared: Sequence[SumOfParts]) -> pl.DataFrame:
    beside = pl.DataFrame(
        [(c.session, c.equity, c.in_transit, c.residual) for c in compared],
        schema=COMPARED_COLUMNS,
        orient="row",
    )
    columns = ["date", "nav", "equity", "in_transit", "residual"]
    table = made.join(beside, on="session", how="left").rename({"session": "date"})
    return table.select(*columns, pl.exclude(columns))
