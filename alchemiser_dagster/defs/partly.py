"""A range of sessions of which some cannot be made: the others are kept, and the run says why."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import polars as pl

from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables

Kept = Iterator[dg.Output[SessionTables] | dg.AssetMaterialization]


def by_session(table: pl.DataFrame, keys: Sequence[str]) -> SessionTables:
    """The rows of each session, by their `date`; a table without a row for one that has none."""
    parts = table.partition_by("date", as_dict=True)
    return {key: parts.get((as_session(key),), table.clear()) for key in keys}


def kept(
    context: dg.AssetExecutionContext,
    records: AccountRecords,
    tables: SessionTables,
    reasons: Mapping[str, str],
) -> Kept:
    """All tables as the asset's output; where there are `reasons`, by session, what there is.

    Raises dg.Failure with the reasons, once the tables are stored.
    """
    if not reasons:
        yield dg.Output(tables)
        return
    for session, table in tables.items():
        records.tables.write(context.asset_key.path, session, table)
        yield dg.AssetMaterialization(context.asset_key, partition=session)
    raise dg.Failure(
        f"{context.asset_key.to_user_string()}: "
        + "; ".join(f"{session}: {reason}" for session, reason in reasons.items()),
        allow_retries=False,
    )
