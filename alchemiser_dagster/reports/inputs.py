"""The tables that tearsheets are made from, by name, and the columns each must have."""

from collections.abc import Mapping

import polars as pl

EXACT = pl.Decimal(38, 9)
MOMENT = pl.Datetime("us", "UTC")
Schema = Mapping[str, pl.DataType | type[pl.DataType]]

PERFORMANCE: Schema = {
    "date": pl.Date,
    "book": pl.String,
    "realized_pnl": EXACT,
    "unrealized_pnl": EXACT,
    "income": EXACT,
    "completed_trades": pl.Int64,
    "completed_by_order": pl.Int64,
    "winning_by_order": pl.Int64,
    "cash": EXACT,
    "market_value": EXACT,
    "nav": EXACT,
    "net_flows": EXACT,
    "daily_return": pl.Float64,
    "time_weighted_return": pl.Float64,
    "drawdown": pl.Float64,
}
"""One row a session and book."""
ACCOUNT: Schema = {
    "date": pl.Date,
    "nav": EXACT,
    "equity": EXACT,
    "residual": EXACT,
    "pnl": EXACT,
    "daily_return": pl.Float64,
    "time_weighted_return": pl.Float64,
    "drawdown": pl.Float64,
    "month_to_date_return": pl.Float64,
    "gross_exposure_pct": pl.Float64,
    "cash_share_pct": pl.Float64,
}
"""One row a session: the sum of the books beside the broker's equity."""
PAPER: Schema = {"date": pl.Date, "net": pl.Float64, "turnover": pl.Float64}
"""A strategy on paper: its net return and what it traded, fractions."""
MODEL_WEIGHTS: Schema = {"date": pl.Date, "symbol": pl.String, "weight": pl.Float64}
"""What a strategy on paper held going into each session."""
CLOSES: Schema = {
    "date": pl.Date,
    "symbol": pl.String,
    "close": pl.Float64,
    "adj_close": pl.Float64,
}
LOTS: Schema = {
    "date": pl.Date,
    "lot_id": pl.String,
    "symbol": pl.String,
    "entry_at": MOMENT,
    "entry_price": EXACT,
    "quantity": EXACT,
    "cost": EXACT,
}
"""The open lots at the end of every session."""
EXITS: Schema = {
    "symbol": pl.String,
    "entry_at": MOMENT,
    "exited_at": MOMENT,
    "quantity": EXACT,
    "cost": EXACT,
    "proceeds": EXACT,
}
"""Every lot exit that stands."""
FILLS: Schema = {
    "symbol": pl.String,
    "side": pl.String,
    "quantity": EXACT,
    "price": EXACT,
    "cash": EXACT,
    "executed_at": MOMENT,
    "cross_id": pl.String,
}
"""A book's fills; `cash` is what each came to, positive on both sides."""
ATTRIBUTION: Schema = {"date": pl.Date, "component": pl.String, "dollars": EXACT}
"""From the model's dollars to the book's: a row a session and component of `books.bridge`."""


class ColumnsMissing(ValueError):
    """A table that tearsheets cannot be made from; the message says which and what it lacks."""


def empty(schema: Schema) -> pl.DataFrame:
    """A table without rows."""
    return pl.DataFrame(schema=dict(schema))


def require(name: str, table: pl.DataFrame, schema: Schema) -> None:
    """Raise ColumnsMissing unless `table` has the columns of `schema`."""
    lacking = [column for column in schema if column not in table.columns]
    if lacking:
        raise ColumnsMissing(
            f"{name}: expected the columns {', '.join(schema)}, was without {', '.join(lacking)}: "
            "materialise it again"
        )
