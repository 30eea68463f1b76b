"""Made-up accounts: tables as the account publishes them, of any number of sessions."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from alchemiser_dagster.defs.accounting import FILL_COLUMNS
from alchemiser_dagster.market.sessions import previous_session, sessions_between
from alchemiser_dagster.reports.data import AccountData, TearsheetData
from alchemiser_dagster.reports.inputs import (
    ACCOUNT,
    ATTRIBUTION,
    CLOSES,
    EXITS,
    LOTS,
    MODEL_WEIGHTS,
    PAPER,
    PERFORMANCE,
    Schema,
)

FIRST, LAST = date(2005, 1, 3), date(2024, 12, 31)
SYMBOLS = ("SPY", "TLT", "GLD", "BIL")


def table(schema: Schema, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A table of one of the schemas; what a row does not say is null."""
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


def cents(amount: float) -> Decimal:
    return Decimal(str(round(amount, 2)))


def performance_rows(
    book: str, sessions: list[date], returns: Sequence[float] | np.ndarray, capital: float = 10_000
) -> list[dict[str, Any]]:
    """A book that began with `capital` and was given nothing more; a third of it is cash."""
    index = np.cumprod(1 + np.asarray(returns))
    falls = index / np.maximum.accumulate(np.maximum(index, 1)) - 1
    rows = []
    for i, session in enumerate(sessions):
        nav = cents(capital * index[i])
        cash = cents(float(nav) / 3)
        earned = nav - cents(capital)
        realised = cents(float(earned) * 0.6)
        rows.append(
            {
                "date": session, "book": book, "nav": nav, "cash": cash, "market_value": nav - cash,
                "realized_pnl": realised, "unrealized_pnl": earned - realised,
                "income": Decimal(0), "net_flows": cents(capital), "completed_trades": 5,
                "completed_by_order": 4, "winning_by_order": 3,
                "daily_return": returns[i], "time_weighted_return": index[i] - 1,
                "drawdown": falls[i],
            }
        )  # fmt: skip
    return rows


def random_returns(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0005, 0.01, count)


@cache
def closes_table(first: date, symbols: tuple[str, ...] = SYMBOLS) -> pl.DataFrame:
    """Closes from `first` on."""
    sessions = sessions_between(FIRST, LAST)
    tables = []
    for n, symbol in enumerate(symbols):
        prices = 100 * (n + 1) * np.cumprod(1 + random_returns(50 + n, len(sessions)))
        tables.append(
            pl.DataFrame({"date": sessions, "symbol": symbol, "close": prices, "adj_close": prices})
        )
    return pl.concat(tables).select(list(CLOSES)).filter(pl.col("date") >= first)


def paper_table(sessions: list[date], returns: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"date": sessions, "net": returns, "turnover": 0.1}).select(list(PAPER))


@cache
def model_weights() -> pl.DataFrame:
    """Shares most of the time, bonds or gold in turn."""
    sessions = sessions_between(FIRST, LAST)
    days = np.arange(len(sessions))
    shares = 0.5 + 0.5 * np.sin(days / 250) ** 2
    others = [SYMBOLS[1 + (i // 400) % 3] for i in days]
    own = pl.DataFrame({"date": sessions, "symbol": "SPY", "weight": shares})
    rest = pl.DataFrame({"date": sessions, "symbol": others, "weight": 1 - shares})
    return pl.concat([own, rest]).select(list(MODEL_WEIGHTS))


def lots_tables(sessions: list[date], closes: pl.DataFrame) -> pl.DataFrame:
    """Two lots held all the time, and a third of them from the middle on."""
    first = {row["symbol"]: row["close"] for row in closes.filter(date=sessions[0]).to_dicts()}
    rows = []
    for i, session in enumerate(sessions):
        for symbol, dollars in (("SPY", 3000), ("TLT", 2000), ("GLD", 1600)):
            if symbol == "GLD" and i < len(sessions) // 2:
                continue
            price = cents(first[symbol])
            quantity = Decimal(dollars) / price
            rows.append(
                {
                    "date": session, "lot_id": f"lot-{symbol}", "symbol": symbol,
                    "entry_at": at(sessions[0]), "entry_price": price,
                    "quantity": round(quantity, 6), "cost": Decimal(dollars),
                }
            )  # fmt: skip
    return table(LOTS, rows)


def at(session: date) -> datetime:
    return datetime.combine(session, time(20, 50), UTC)


def exits_table(sessions: list[date]) -> pl.DataFrame:
    rows = [
        {
            "symbol": "BIL" if i % 2 else "SPY", "entry_at": at(sessions[0]),
            "exited_at": at(session), "quantity": Decimal("1.5"), "cost": Decimal(300),
            "proceeds": Decimal(300) + Decimal(7 * (-1) ** i) + i,
        }
        for i, session in enumerate(sessions[1:])
    ]  # fmt: skip
    return table(EXITS, rows)


def fills_table(sessions: list[date]) -> pl.DataFrame:
    rows = [
        {
            "symbol": SYMBOLS[i % 4], "side": "sell" if i % 2 else "buy",
            "quantity": Decimal("1.5"), "price": Decimal("123.45"),
            "cash": Decimal("185.18"), "executed_at": at(session),
            "cross_id": "cross" if i % 5 == 0 else None,
        }
        for i, session in enumerate(sessions)
    ]  # fmt: skip
    return table(FILL_COLUMNS, rows)


def attribution_table(sessions: list[date]) -> pl.DataFrame:
    parts = {"model": "14.10", "delay": "-1.70", "spread": "-0.40", "walk": "0.05"}
    live = sum(map(Decimal, parts.values()))
    rows = [
        {"date": session, "component": component, "dollars": Decimal(dollars)}
        for session in sessions
        for component, dollars in {**parts, "interest": "0", "live": live}.items()
    ]
    return table(ATTRIBUTION, rows)


def live_sessions(count: int) -> list[date]:
    return sessions_between(FIRST, LAST)[-count:]


def book_data(live: int = 20, since: date = FIRST, **changes: Any) -> TearsheetData:
    """A book on paper since `since`, live for the last `live` sessions."""
    book = "steady"
    everything = sessions_between(since, LAST)
    sessions = everything[-live:]
    on_paper = random_returns(1, len(everything))
    noise = random_returns(2, live) * 0.1
    closes = closes_table(since)
    given: dict[str, Any] = {
        "book": book,
        "title": "Steady as she goes",
        "is_synthetic": False,
        "opened": previous_session(sessions[0]),
        "due": sessions,
        "performance": table(
            PERFORMANCE, performance_rows(book, sessions, on_paper[-live:] + noise)
        ),
        "paper": paper_table(everything, on_paper),
        "model_weights": model_weights().filter(pl.col("date") >= since),
        "closes": closes,
        "lots": lots_tables(sessions, closes.filter(pl.col("date") >= sessions[0])),
        "exits": exits_table(sessions),
        "fills": fills_table(sessions),
        "attribution": attribution_table(sessions),
    }
    return TearsheetData(**given | changes)


def account_data(
    live: int = 20,
    books: int = 5,
    since: date = date(2020, 1, 2),
    books_table: pl.DataFrame | None = None,
    **changes: Any,
) -> AccountData:
    """An account of so many books on paper since `since`, and cash that no strategy was given."""
    everything = sessions_between(since, LAST)
    sessions = everything[-live:]
    names = [f"book_{n}" for n in range(1, books + 1)]
    common = random_returns(7, len(everything))
    own = {
        name: 0.6 * common + 0.6 * random_returns(20 + n, len(everything))
        for n, name in enumerate(names)
    }
    rows = []
    for n, name in enumerate(names):
        rows += performance_rows(name, sessions, own[name][-live:], 5_000 * (n + 1))
    rows += [
        row | dict.fromkeys(("daily_return", "time_weighted_return", "drawdown"))
        for row in performance_rows("unallocated", sessions, np.zeros(live), 2_000)
    ]
    performance = table(PERFORMANCE, rows)
    capital = 5_000 * sum(range(1, books + 1)) + 2_000
    given: dict[str, Any] = {
        "name": "Account",
        "is_synthetic": False,
        "opened": previous_session(sessions[0]),
        "due": sessions,
        "books": performance if books_table is None else books_table,
        "account": account_table(performance, capital),
        "papers": {name: paper_table(everything, returns) for name, returns in own.items()},
        "closes": closes_table(since, ("SPY",)),
        "pages": {name: f"{name}.html" for name in names},
    }
    return AccountData(**given | changes)


def account_table(books: pl.DataFrame, capital: float) -> pl.DataFrame:
    """The account that is the sum of its books; the broker knows it but for a cent on one day."""
    navs = books.group_by("date").agg(pl.col("nav").sum()).sort("date")
    rows: list[dict[str, Any]] = []
    before, high = capital, capital
    for i, (session, nav) in enumerate(navs.iter_rows()):
        residual = Decimal("0.01") if i == 1 else Decimal(0)
        high = max(high, float(nav))
        rows.append(
            {
                "date": session, "nav": nav, "equity": nav + residual, "residual": residual,
                "pnl": nav - cents(before), "daily_return": float(nav) / before - 1,
                "time_weighted_return": float(nav) / capital - 1,
                "drawdown": float(nav) / high - 1, "month_to_date_return": float(nav) / capital - 1,
                "gross_exposure_pct": 66.7, "cash_share_pct": 33.3,
            }
        )  # fmt: skip
        before = float(nav)
    return table(ACCOUNT, rows)
