"""An account of 20 books that has traded for a year: its ledger, its snapshots, its definitions.

In each session every book buys or sells something; a snapshot has as much history as strategies
look back, of as many symbols as they name together.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import numpy as np
import polars as pl

from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.ledger.posting import Execution
from alchemiser_dagster.market.bars import BARS_SCHEMA
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.snapshots import Origin
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from benchmarks.ledger import ours
from benchmarks.ledger.workload import Traded

INCEPTION = date(2024, 12, 31)
SESSIONS = sessions_between(date(2025, 1, 2), date(2026, 1, 5))[:252]
LOOK_BACK = timedelta(days=420)
BOOKS = tuple(f"book{number:02d}" for number in range(20))
SYMBOLS = tuple(f"S{number:03d}" for number in range(100))
SEED = 20_261_126
ORIGIN = Origin(
    source="made up", is_synthetic=True, feed=None, adjustment="all",
    fetched_at=datetime(2026, 1, 6, tzinfo=UTC), calendar="exchange_calendars",
    dropped_partial=0, quarantined=(),
)  # fmt: skip


def make_account(folder: Path) -> AccountRecords:
    """Open the account in `folder`, trade the year, and store a snapshot for each session."""
    strategies = folder / "strategies"
    strategies.mkdir()
    home = Home(folder / "account")
    home.open(AccountFile(BrokerMode.EMBEDDED, INCEPTION, bars="none", seed=1))
    placed = _orders(Random(SEED))
    ledger = ours.without_waiting(ours.prepare(home.ledger, placed, BOOKS, INCEPTION))
    ours.post(ledger, placed)
    ledger.close()
    records = AccountRecords(home=str(home.path), strategies=str(strategies))
    bars = _bars()
    for session in SESSIONS:
        known = pl.col("date").is_between(session - LOOK_BACK, session)
        records.snapshots.save(session, bars.filter(known), ORIGIN)
    return records


def _bars() -> pl.DataFrame:
    days = sessions_between(SESSIONS[0] - LOOK_BACK, SESSIONS[-1])
    moves = np.random.default_rng(SEED).normal(0.0003, 0.01, (len(SYMBOLS), len(days)))
    closes = (100 * np.exp(moves.cumsum(axis=1))).round(2)
    tables = [
        pl.DataFrame({"date": days, "close": row}).with_columns(
            symbol=pl.lit(symbol), open="close", high="close", low="close", adj_close="close",
            volume=pl.lit(1e6),
        )
        for symbol, row in zip(SYMBOLS, closes, strict=True)
    ]  # fmt: skip
    return pl.concat(tables).select(BARS_SCHEMA.names()).cast(BARS_SCHEMA)  # type: ignore[arg-type]


def _orders(random: Random) -> list[Traded]:
    """In each session every book trades one symbol, three or four books together in an order."""
    held: dict[tuple[str, str], int] = {}
    made = []
    for session in SESSIONS:
        books = random.sample(BOOKS, len(BOOKS))
        symbols = random.sample(SYMBOLS[:30], 6)
        for i, symbol in enumerate(symbols):
            together = books[i::6]
            owned = {book: held.get((book, symbol), 0) for book in together}
            selling = all(owned.values())
            shares = {
                book: (owned[book] + 1) // 2 if selling else random.randint(5, 90)
                for book in sorted(together)
            }
            for book, amount in shares.items():
                held[book, symbol] = owned[book] + (-amount if selling else amount)
            made.append(_order(session, symbol, "sell" if selling else "buy", shares))
    return made


def _order(session: date, symbol: str, side: str, shares: dict[str, int]) -> Traded:
    total = Decimal(sum(shares.values()))
    at = datetime.combine(session, time(20, 50), UTC)
    execution = Execution(f"{session}.{symbol}.1", total, total, Decimal("100.00"), at)
    parts = {book: Decimal(amount) for book, amount in shares.items()}
    return Traded(session, symbol, side, parts, (execution,))
