"""Which past signals would have been others, had the market been known as it is now.

Both snapshots are cut to the sessions they share, so that what differs is their content and not
where their history begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from alchemiser_dagster.market.bars import closing_prices
from alchemiser_dagster.symphony import SignalUnavailable, Symphony, evaluate
from alchemiser_dagster.symphony.evaluation import Evaluation

TOLERANCE = 1e-9
"""Weights that differ by no more are the same."""


@dataclass(frozen=True)
class ChangedSignal:
    """A book's weights of a past session by the earlier snapshot and by the later one.

    None where it has no signal.
    """

    book: str
    session: date
    before: dict[str, float] | None
    now: dict[str, float] | None


def changed_signals(
    symphonies: Sequence[Symphony], before: pl.DataFrame, now: pl.DataFrame, since: date
) -> list[ChangedSignal]:
    """The signals of the sessions from `since` on that differ; by book, then by session.

    `before` and `now` are the bars of two snapshots, the earlier one first.
    """
    first = max(before["date"].min(), now["date"].min())  # type: ignore[type-var]
    last = min(before["date"].max(), now["date"].max())  # type: ignore[type-var]
    shared = pl.col("date").is_between(first, last)
    then = evaluate(symphonies, closing_prices(before.filter(shared)))
    today = evaluate(symphonies, closing_prices(now.filter(shared)))
    found = []
    for symphony in symphonies:
        own, new = then[symphony.name], today[symphony.name]
        for session in own.sessions:
            if session < since or session not in new.sessions:
                continue
            pair = _weights(own, session), _weights(new, session)
            if _differ(*pair):
                found.append(ChangedSignal(symphony.name, session, *pair))
    return found


def _weights(evaluation: Evaluation, session: date) -> dict[str, float] | None:
    try:
        return evaluation.at(session)
    except SignalUnavailable:
        return None  # the caller compares: to have no signal is an answer too


def _differ(one: dict[str, float] | None, other: dict[str, float] | None) -> bool:
    if one is None or other is None:
        return one is not other
    return any(
        abs(one.get(symbol, 0.0) - other.get(symbol, 0.0)) > TOLERANCE
        for symbol in one.keys() | other.keys()
    )
