"""Taking snapshots: the market as a source gives it, one table for each session.

fetch      the history of every symbol of the universe, once for all sessions asked for
cut        for each session, as far back as the strategies look, and nothing after it
sift       a symbol with one broken row is set aside whole, and told apart from one without bars
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from alchemiser_dagster.market.bars import missing_symbols, sift_bars
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.sources import BarSource, SourceError
from alchemiser_dagster.market.symbol_facts import SymbolFacts, since_start

SHORTEST_HISTORY = 504
"""Sessions: two years, so that smoothed indicators have forgotten where they started."""


@dataclass(frozen=True)
class Taken:
    """What a snapshot is made of.

    `bars` are sound rows of `BARS_SCHEMA`, `quarantined` those of the symbols with a broken row,
    each row with the `rule` it breaks, if it does; `absent` symbols have no row at all.
    """

    bars: pl.DataFrame
    quarantined: pl.DataFrame
    absent: tuple[str, ...]
    dropped_partial: int


def take(
    source: BarSource,
    symbols: Iterable[str],
    sessions: Sequence[date],
    lookback: int,
    facts: SymbolFacts,
) -> dict[date, Taken]:
    """What `source` says of each of `sessions` (ascending), by session.

    `lookback` is the longest history that a strategy wants, in sessions.

    Raises:
        SourceError: the source did not deliver, or has no bar of a session for any symbol.
        BarsError: what it delivered is no table of bars.
    """
    wanted = sorted(symbols)
    length = max(SHORTEST_HISTORY, lookback)
    fetched = source.fetch(wanted, sessions_back(sessions[0], length), sessions[-1])
    bars = since_start(fetched.bars, facts)
    _, quarantined = sift_bars(bars)
    is_sound = quarantined.is_empty()
    taken = {}
    for session in sessions:
        own = bars.filter(pl.col("date").is_between(sessions_back(session, length), session))
        if own.filter(pl.col("date") == session).is_empty():
            latest = bars.select(pl.col("date").max().cast(pl.String)).item()
            raise SourceError(
                f"{source.name}: expected bars of {session}, was none for any of {len(wanted)} "
                f"symbols; the latest is of {latest or 'no session'}. Try again later; if the "
                "exchange did not trade, name the day in calendar.toml beside the strategies"
            )
        sound, broken = (own, quarantined) if is_sound else sift_bars(own)
        absent = missing_symbols(own, wanted)
        taken[session] = Taken(sound, broken, tuple(absent), fetched.dropped_partial)
    return taken


def sessions_back(session: date, count: int) -> date:
    """The session `count` sessions before `session`, that one counted."""
    early_enough = session - timedelta(days=count * 3 // 2 + 30)
    return sessions_between(early_enough, session)[-count]
