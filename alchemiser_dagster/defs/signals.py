"""`signal`: each strategy's weights for a session, and `consolidated_portfolio`, their sum.

A signal names the snapshot of bars that it was made from, so it can be made again for ever.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from typing import Any

import dagster as dg
import polars as pl

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.bars import BARS, FINDINGS
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables, TableMissing
from alchemiser_dagster.market.bars import closing_prices
from alchemiser_dagster.market.fitness import why_unfit
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.symphony import (
    ClosingPrices,
    SignalUnavailable,
    Symphony,
    evaluate,
    explain,
)

TOTAL_TOLERANCE = 0.01


def signal_key(book: str) -> list[str]:
    """The asset key of a book's signal."""
    return ["signal", book]


def signal_asset(book: Book, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `signal/<book>`. Its code version is the strategy's own text."""
    symphony = book.symphony

    @dg.asset(
        key=signal_key(book.name),
        deps=[BARS, FINDINGS],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="signal",
        tags={"book": book.name},
        kinds={"clojure"},
        code_version=symphony.fingerprint[:12] if symphony else "unreadable",
        description=_description(symphony) if symphony else book.problem,
        io_manager_key="session_tables",
        output_required=False,
    )
    def signal(context: dg.AssetExecutionContext, records: AccountRecords):  # type: ignore[no-untyped-def]
        key = context.asset_key.path
        bars, refusals = fit_bars(records, book, context.partition_keys)
        tables, unavailable = evaluate_sessions(book, bars)
        refusals |= unavailable
        for session, reason in refusals.items():
            records.tables.refuse(key, session, reason)
        for session, table in tables.items():
            context.add_asset_metadata(_metadata(table), partition_key=session)
        if tables:
            newest = max(tables)
            context.add_asset_metadata(
                _explained(book, newest, bars[newest].bars), partition_key=newest
            )
        if not refusals:
            yield dg.Output(tables)
            return
        # The good sessions of a range are kept although the run fails for the others.
        for session, table in tables.items():
            records.tables.write(key, session, table)
            yield dg.AssetMaterialization(
                context.asset_key, partition=session, metadata=_metadata(table)
            )
        raise dg.Failure(
            f"{book.name} has no signal: "
            + "; ".join(f"{session}: {reason}" for session, reason in refusals.items()),
            allow_retries=False,
        )

    return signal


def _description(symphony: Symphony) -> str:
    """The strategy's title and the comment at the head of its file."""
    head = takewhile(lambda line: line.startswith(";"), symphony.source.text.splitlines())
    comment = "\n".join(line.lstrip("; ").rstrip() for line in head)
    return f"**{symphony.title}**\n\n```\n{comment}\n```"


def _explained(book: Book, key: str, snapshot: pl.LazyFrame) -> dict[str, dg.MetadataValue[Any]]:
    """Why the newest session of a run holds what it holds, and which decisions were close."""
    assert book.symphony is not None
    found = explain(book.symphony, _closes(book.symphony, key, snapshot), as_session(key))
    lines = [
        f"- `{decision.text}`: margin {decision.margin:+.4f} {decision.unit}"
        + ("" if decision.flip_percent is None else f", flips at {decision.flip_percent:+.2f} %")
        + f" ({decision.place.rsplit('/', 1)[-1]})"
        for decision in found.fragile
    ]
    return {
        "fragile": dg.MetadataValue.md("\n".join(lines) or "none"),
        "explanation": dg.MetadataValue.json(found.as_dict()),
    }


def _closes(symphony: Symphony, key: str, snapshot: pl.LazyFrame) -> ClosingPrices:
    """The closes of a session's snapshot that a symphony looks at."""
    needed = [broker_symbol(symbol) for symbol in symphony.symbols]
    bars = snapshot.filter(pl.col("symbol").is_in(needed)).select("symbol", "date", "adj_close")
    return closing_prices(bars.collect(), through=as_session(key))


@dataclass(frozen=True)
class FitBars:
    """A snapshot on which a book may trade, and the hash of its content."""

    sha256: str
    bars: pl.LazyFrame


def fit_bars(
    records: AccountRecords, book: Book, sessions: Iterable[str]
) -> tuple[dict[str, FitBars], dict[str, str]]:
    """The snapshots on which a book may trade by session, and why not on the others."""
    symbols = records.symbols_of(book)
    fit: dict[str, FitBars] = {}
    refusals: dict[str, str] = {}
    for key in sessions:
        try:
            unfit = why_unfit(records.tables.read([FINDINGS], key), symbols)
            snapshot = records.snapshots.get(as_session(key))
            bars = records.snapshots.scan(snapshot.session, snapshot.sha256)
        except (TableMissing, SnapshotMissing, SnapshotDamaged) as error:
            refusals[key] = str(error)
            continue
        if unfit is None:
            fit[key] = FitBars(snapshot.sha256, bars)
        else:
            refusals[key] = unfit
    return fit, refusals


def evaluate_sessions(
    book: Book, bars: Mapping[str, FitBars]
) -> tuple[SessionTables, dict[str, str]]:
    """A book's weights by session, and for the sessions without a signal the reason why."""
    if book.symphony is None:
        return {}, dict.fromkeys(bars, book.problem or "no strategy")
    tables: SessionTables = {}
    refusals: dict[str, str] = {}
    for key, snapshot in bars.items():
        closes = _closes(book.symphony, key, snapshot.bars)
        evaluation = evaluate([book.symphony], closes)[book.name]
        try:
            weights = evaluation.at(as_session(key))
        except SignalUnavailable as unavailable:
            refusals[key] = str(unavailable)
            continue
        tables[key] = pl.DataFrame(
            {
                "date": [as_session(key)] * len(weights),
                "strategy": [book.name] * len(weights),
                "symbol": list(weights),
                "weight": list(weights.values()),
                "snapshot": [snapshot.sha256] * len(weights),
            },
            schema={
                "date": pl.Date,
                "strategy": pl.String,
                "symbol": pl.String,
                "weight": pl.Float64,
                "snapshot": pl.String,
            },
        )
    return tables, refusals


def _metadata(table: pl.DataFrame) -> dict[str, dg.MetadataValue[Any]]:
    rows = table.sort("weight", descending=True).iter_rows(named=True)
    lines = ["| symbol | weight |", "|---|---:|"]
    lines += [f"| {row['symbol']} | {row['weight']:.2%} |" for row in rows]
    return {
        "weights": dg.MetadataValue.md("\n".join(lines)),
        "snapshot": dg.MetadataValue.text(table["snapshot"][0]),
    }


def consolidated_portfolio_asset(
    names: list[str], partitions: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    """The asset `consolidated_portfolio` over the books called `names`."""

    @dg.asset(
        deps=[dg.AssetKey(signal_key(name)) for name in names],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="portfolio",
        io_manager_key="session_tables",
        automation_condition=dg.AutomationCondition.any_deps_updated()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress(),
    )
    def consolidated_portfolio(
        context: dg.AssetExecutionContext, records: AccountRecords
    ) -> SessionTables:
        """What the account as a whole is to hold: allocation x weight, summed over the books.

        Columns: symbol, book, allocation, weight (the book's own), share (of the account). Books
        without a signal are left out and named, with the reason, in the metadata.
        """
        books = [book for book in records.books() if book.enabled]
        tables: SessionTables = {}
        for key in context.partition_keys:
            tables[key], missing = consolidate(records, books, key)
            context.add_asset_metadata(summary(tables[key], missing), partition_key=key)
        return tables

    return consolidated_portfolio


def consolidate(
    records: AccountRecords, books: list[Book], session: str
) -> tuple[pl.DataFrame, dict[str, str]]:
    """One session's contributions of the books that have a signal; the others' reasons."""
    rows: list[dict[str, object]] = []
    missing: dict[str, str] = {}
    for book in books:
        try:
            signal = records.tables.read(signal_key(book.name), session)
        except TableMissing as absent:
            missing[book.name] = str(absent)
            continue
        allocation = float(book.allocation)
        rows += [
            {
                "symbol": broker_symbol(symbol),
                "book": book.name,
                "allocation": allocation,
                "weight": weight,
                "share": allocation * weight,
            }
            for symbol, weight in signal.select("symbol", "weight").iter_rows()
        ]
    schema = {
        "symbol": pl.String,
        "book": pl.String,
        "allocation": pl.Float64,
        "weight": pl.Float64,
        "share": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema).sort("symbol", "book"), missing


def summary(table: pl.DataFrame, missing: dict[str, str]) -> dict[str, dg.MetadataValue[Any]]:
    """The metadata of a consolidated portfolio: its total, shared symbols, and who is missing."""
    total = float(table["share"].sum())
    allocated = float(
        sum((Decimal(str(a)) for a in table.group_by("book").first()["allocation"]), Decimal(0))
    )
    holders = Counter(table["symbol"].to_list())
    shared = sorted(symbol for symbol, count in holders.items() if count > 1)
    held = (
        table.group_by("symbol")
        .agg(pl.col("share").sum(), pl.col("book"))
        .sort("share", descending=True)
    )
    lines = ["| symbol | share | books |", "|---|---:|---|"]
    lines += [f"| {s} | {share:.2%} | {', '.join(own)} |" for s, share, own in held.iter_rows()]
    return {
        "total": dg.MetadataValue.float(total),
        "allocated": dg.MetadataValue.float(allocated),
        "sums to 1 within 1 %": dg.MetadataValue.bool(abs(total - 1) <= TOTAL_TOLERANCE),
        "held by several books": dg.MetadataValue.text(", ".join(shared) or "none"),
        "missing books": dg.MetadataValue.json(missing),
        "portfolio": dg.MetadataValue.md("\n".join(lines)),
    }
