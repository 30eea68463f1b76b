"""The table that every check of a snapshot writes its findings to.

========  ======  ==============================================================
column    type    meaning
========  ======  ==============================================================
check     String  which check it is of, see `examination.CHECKS`
symbol    String  null for rows of bars that carry none
date      Date    what to name when accepting it; null where it has no day
severity  String  error: no book that uses the symbol may trade on the snapshot;
                  warning: somebody should look
says      String  one sentence
========  ======  ==============================================================
"""

from collections.abc import Callable
from typing import Any

import polars as pl

from alchemiser_dagster.market.symbol_facts import SymbolFacts

FINDINGS_SCHEMA = pl.Schema(
    {
        "check": pl.String(),
        "symbol": pl.String(),
        "date": pl.Date(),
        "severity": pl.String(),
        "says": pl.String(),
    }
)


def without_accepted(found: pl.DataFrame, facts: SymbolFacts) -> pl.DataFrame:
    """Findings but for those that a person looked at and accepted."""
    for accepted in facts.accepted:
        is_it = (pl.col("check") == accepted.check) & (pl.col("symbol") == accepted.symbol)
        if accepted.session is not None:
            is_it &= pl.col("date") == accepted.session
        found = found.filter(~is_it.fill_null(False))  # a row may carry no symbol
    return found


def as_findings(
    check: str,
    table: pl.DataFrame,
    says: Callable[[dict[str, Any]], str],
    *,
    date: str | None = None,
    severity: str | None = None,
) -> pl.DataFrame:
    """`table` as findings of `check`, a sentence for each of its rows.

    The column symbol is taken from it, and the date from the column that `date` names (None: no
    date). The severity is the same for all rows, or (None) in the column severity.
    """
    rows = [
        (
            check,
            row["symbol"],
            None if date is None else row[date],
            severity or row["severity"],
            says(row),
        )
        for row in table.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=FINDINGS_SCHEMA, orient="row")


def counted(number: int, noun: str) -> str:
    """How many there are, in words.

    >>> counted(1, "bar"), counted(2, "bar")
    ('1 bar', '2 bars')
    """
    return f"{number} {noun}" + "s" * (number != 1)
