"""Whether a book may trade on a snapshot: one bad symbol stops the books that use it, no others."""

from collections.abc import Collection

import polars as pl

SHOWN = 5
PER_STRATEGY = "history"
"""What this check finds concerns strategies and not symbols: those whose windows reach beyond a
symbol's history have no signal, and the others look back less far."""


def stopping(findings: pl.DataFrame, symbols: Collection[str]) -> pl.DataFrame:
    """Those of `findings` (see `examination.FINDINGS_SCHEMA`) that stop a book of `symbols`."""
    return findings.filter(
        (pl.col("severity") == "error")
        & (pl.col("check") != PER_STRATEGY)
        & pl.col("symbol").is_in(sorted(symbols))
    )


def why_unfit(findings: pl.DataFrame, symbols: Collection[str]) -> str | None:
    """Why a book of `symbols` may not trade on the snapshot that `findings` are of; None: it may.

    `findings` has the columns of `examination.FINDINGS_SCHEMA`.
    """
    errors = stopping(findings, symbols)
    if errors.is_empty():
        return None
    lines = [f"{row['symbol']} ({row['check']}): {row['says']}" for row in errors.to_dicts()]
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "the bars are not fit to trade on: " + "; ".join(lines[:SHOWN]) + more
