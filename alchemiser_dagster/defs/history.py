"""`history/<book>`: each strategy on paper, over all the bars the account's source has.

Two tables a book, what it returned ("all") and what it held ("weights"), and not two a session:
they cost milliseconds to make whole, and Dagster would keep an event for every session of decades.
"""

from datetime import UTC, date, datetime

import dagster as dg

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.bars import BARS, POOL
from alchemiser_dagster.defs.following import WHEN_NEW
from alchemiser_dagster.defs.reference import WHOLE
from alchemiser_dagster.defs.resources import AccountRecords, Market
from alchemiser_dagster.history.model import model_history
from alchemiser_dagster.history.statistics import statistics
from alchemiser_dagster.market.bars import checked_bars, closing_prices
from alchemiser_dagster.market.sessions import last_completed_session
from alchemiser_dagster.market.sources import SourceError
from alchemiser_dagster.market.symbol_facts import since_start
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.symphony import evaluate

FIRST_SESSION = date(2005, 1, 3)
SIGNAL_LAG_SESSIONS = 1
HELD_WEIGHTS = "weights"
"""The name of the table of what was held, beside `WHOLE`."""


def history_key(book: str) -> list[str]:
    """The asset key of a book's model history."""
    return ["history", book]


def history_asset(book: Book) -> dg.AssetsDefinition:
    """The asset `history/<book>`."""

    @dg.asset(
        key=history_key(book.name),
        deps=[BARS],
        group_name="history",
        tags={"book": book.name},
        pool=POOL,
        code_version=book.symphony.fingerprint[:12] if book.symphony else "unreadable",
        automation_condition=WHEN_NEW,
    )
    def history(
        context: dg.AssetExecutionContext, records: AccountRecords, market: Market
    ) -> dg.MaterializeResult[None]:
        """The strategy on paper: date, gross and net return, turnover, of every session there is.

        Without costs; a signal is traded one session after it was made, as the account does, and
        same_close is the gross return were it traded at the very close that it was made from. The
        table `weights` has what was held going into each session: date, symbol, weight.
        """
        if book.symphony is None:
            raise dg.Failure(f"{book.name}: {book.problem}", allow_retries=False)
        symbols = [broker_symbol(symbol) for symbol in book.symphony.symbols]
        last = last_completed_session(datetime.now(UTC))
        source = market.source()
        try:
            given = source.daily_bars(symbols, FIRST_SESSION, last)
            bars = checked_bars(since_start(given, records.symbol_facts()), origin=source.name)
            closes = closing_prices(bars)
            evaluation = evaluate([book.symphony], closes)[book.name]
            paper = model_history(evaluation, closes, lag=SIGNAL_LAG_SESSIONS)
            at_once = model_history(evaluation, closes, lag=0)
        except (SourceError, ValueError) as error:
            raise dg.Failure(f"{book.name}: {error}", allow_retries=False) from error
        key = history_key(book.name)
        records.tables.write(key, HELD_WEIGHTS, paper.held_weights())
        records.tables.write(key, WHOLE, paper.beside(at_once))
        figures = statistics(paper.sessions, paper.net, paper.turnover)
        shown = {name: value for name, value in figures.as_dict().items() if value is not None}
        return dg.MaterializeResult(
            metadata={
                "first session": paper.sessions[0].isoformat(),
                "last session": paper.sessions[-1].isoformat(),
                "signal_lag_sessions": SIGNAL_LAG_SESSIONS,
                **shown,
            }
        )

    return history
