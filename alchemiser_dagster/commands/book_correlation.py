"""`alchemiser books correlation`: how alike the strategies' daily returns are.

Live by the published performance of the books, on paper by the published histories. Below the
diagonal is the coefficient, on it and above it the number of common sessions.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from rich.table import Table

from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.published import daily_returns
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.report_table import NOTHING, report_table
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.defs.history import history_key
from alchemiser_dagster.defs.reference import WHOLE
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.history.correlation import Correlations, correlations
from alchemiser_dagster.history.statistics import RATIO_SESSIONS
from alchemiser_dagster.ledger.schema import WITHOUT_STRATEGY
from alchemiser_dagster.storage import StorageError

Series = Mapping[str, pl.DataFrame]
CELL_WIDTH = 7
"""Of a coefficient with its sign, or the sessions of some decades, and the space beside it."""


def show_correlation() -> None:
    """Print the two squares, or that there is nothing to compare yet."""
    records = opened_records()
    live = {
        book: returns
        for book, returns in daily_returns(records.tables).items()
        if book not in WITHOUT_STRATEGY
    }
    for title, series in (("live", live), ("on paper", _paper(records))):
        if len(series) > 1:
            for table in _tables(f"Correlation of daily returns, {title}", series):
                out.print(table)
        else:
            out.print(f"There are no two strategies with daily returns {title} yet.")
    out.print(
        f"Below the diagonal the coefficient ({NOTHING}: fewer than {RATIO_SESSIONS} common "
        "sessions, or one did not move), on it and above it the common sessions.",
        highlight=False,
    )


def _paper(records: AccountRecords) -> dict[str, pl.DataFrame]:
    """The net returns of the enabled strategies that have a history."""
    try:
        names = [book.name for book in records.books() if book.enabled]
        return {
            name: records.tables.read(history_key(name), WHOLE).select("date", "net")
            for name in names
            if records.tables.exists(history_key(name), WHOLE)
        }
    except (BooksError, StorageError, TableMissing) as error:
        fail(str(error))


def _tables(title: str, series: Series) -> list[Table]:
    """The square, cut into as many tables as the width of the terminal asks for."""
    made = correlations(
        [(table["date"].to_list(), table.to_series(1).to_numpy()) for table in series.values()]
    )
    names = [f"{i} {book}" for i, book in enumerate(series, start=1)]
    fitting = max(1, (out.width - max(map(len, names)) - 2) // CELL_WIDTH)
    tables = []
    for first in range(0, len(names), fitting):
        columns = range(first, min(first + fitting, len(names)))
        table = report_table(title, ("book",), [str(j + 1) for j in columns])
        for i, name in enumerate(names):
            table.add_row(name, *(_cell(made, i, j) for j in columns))
        tables.append(table)
    return tables


def _cell(made: Correlations, row: int, column: int) -> str:
    if column >= row:
        return str(made.common[row, column])
    coefficient = made.coefficients[row, column]
    return NOTHING if np.isnan(coefficient) else f"{coefficient:+.2f}"
