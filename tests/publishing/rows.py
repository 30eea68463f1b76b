"""Rows of the performance tables, by hand, with the columns that they are published with."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from alchemiser_dagster.ledger.correlation import correlation_id

D = Decimal


def performance_row(day: int, book: str = "a", **figures: Any) -> dict[str, Any]:
    """A book at the end of a session of November 2026: 3 exits, two of them won."""
    session = date(2026, 11, day)
    return {
        "date": session,
        "book": book,
        "snapshot_timestamp": datetime(2026, 11, day, 21, tzinfo=UTC),
        "correlation_id": correlation_id("EMB1", session),
        "realized_pnl": D("53.000000000"),
        "current_holdings_value": D("36.000000000"),
        "current_holdings": 1,
        "completed_trades": 3,
        "winning_trades": 2,
        "losing_trades": 1,
        "win_rate": D("66.670000000"),
        "avg_profit_per_trade": D("17.670000000"),
        "breakeven_trades": 0,
        "nav": D("60053.120000000"),
        "capital_deployed_pct": None,
        "daily_return": -1.5e-05,
        "drawdown": 0.0,
    } | figures


def account_row(day: int, deployed: str | None = "43.210000000") -> dict[str, Any]:
    percent = None if deployed is None else D(deployed)
    return {"date": date(2026, 11, day), "nav": D(100_000), "capital_deployed_pct": percent}
