"""A small world for tests of the whole: three strategies, four symbols, a market of sine waves."""

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.market.bars import conformed_bars
from alchemiser_dagster.market.examination import FINDINGS_SCHEMA
from alchemiser_dagster.market.sessions import session_close, sessions_between
from alchemiser_dagster.market.snapshots import Origin

FIRST_BAR, LAST_BAR = date(2023, 6, 1), date(2024, 2, 29)
LEVELS = {"SPY": 400.0, "TLT": 100.0, "GLD": 180.0, "BIL": 91.0}

STEADY = """; Half shares, half bonds.
(defsymphony "Steady" {:asset-class "EQUITIES", :rebalance-frequency :daily}
  (weight-specified 0.5 (asset "SPY" "Shares") 0.5 (asset "TLT" "Bonds")))
"""
MOMENTUM = """; The best of three over ten sessions.
(defsymphony "Momentum" {:asset-class "EQUITIES", :rebalance-frequency :daily}
  (weight-equal [(filter (cumulative-return {:window 10}) (select-top 1)
    [(asset "SPY") (asset "TLT") (asset "GLD")])]))
"""
SWITCH = """; Gold above its average, bills below.
(defsymphony "Switch" {:asset-class "EQUITIES", :rebalance-threshold 0.05}
  (weight-equal [(if (> (current-price "GLD") (moving-average-price "GLD" {:window 5}))
    [(asset "GLD")] [(asset "BIL")])]))
"""
BOOKS = {"steady": (STEADY, "0.5"), "momentum": (MOMENTUM, "0.3"), "switch": (SWITCH, "0.2")}


def market() -> pl.DataFrame:
    """Daily bars: each symbol a wave of its own around its level."""
    rows = []
    for n, (symbol, level) in enumerate(LEVELS.items()):
        for i, session in enumerate(sessions_between(FIRST_BAR, LAST_BAR)):
            swing = 0.0005 if symbol == "BIL" else 0.04
            close = round(level * (1 + swing * math.sin(i / (3 + n) + n)), 2)
            rows.append((symbol, session, close, close * 1.004, close * 0.996, close, 4e6))
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def write_bars(folder: Path, bars: pl.DataFrame | None = None) -> Path:
    """The market as a bars file."""
    path = folder / "bars.parquet"
    (market() if bars is None else bars).write_parquet(path)
    return path


def write_strategies(folder: Path, books: Mapping[str, tuple[str, str]] | None = None) -> Path:
    """A folder of strategies from {name: (text, allocation)}."""
    folder = folder / "strategies"
    folder.mkdir(exist_ok=True)
    table = []
    for name, (text, allocation) in (books or BOOKS).items():
        (folder / f"{name}.clj").write_text(text, encoding="utf-8")
        table.append(f'[books.{name}]\nallocation = "{allocation}"\n')
    (folder / "books.toml").write_text("\n".join(table), encoding="utf-8")
    return folder


def take_bars(records: AccountRecords, session: date, bars: pl.DataFrame | None = None) -> None:
    """A snapshot of the market in the evening of a session, in which the checks found nothing."""
    table = conformed_bars(market() if bars is None else bars, "the world")
    origin = Origin(
        source="the world",
        is_synthetic=True,
        feed=None,
        adjustment="none",
        fetched_at=session_close(session),
        calendar="XNYS",
        dropped_partial=0,
        quarantined=(),
    )
    records.snapshots.save(session, table.filter(pl.col("date") <= session), origin)
    records.tables.write([FINDINGS], session.isoformat(), FINDINGS_SCHEMA.to_frame())
