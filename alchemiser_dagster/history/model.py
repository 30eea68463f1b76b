"""A strategy on paper: its weights turned into daily returns.

The weights decided at the close of session D are traded at the close of session D + lag, so they
earn from there on. Lag 1 is how the account trades; lag 0 trades at the very close that decided,
which is Composer's convention and only possible on paper. With a lag of L:

    held before t    h(t), the weights after the last trade, drifted with prices since
    gross return     R(t) = sum of h(t, i) x r(t, i)
    traded at t      |target(t) - drifted h(t)| summed over the symbols: the turnover, both sides
    net return       R(t) - turnover(t) x cost / 10,000

A symphony trades on its own terms: each session, on the first session of its period, or when a
weight has drifted beyond its threshold or the holdings change. A symbol without a bar returns 0
that day.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.symphony import (
    ClosingPrices,
    Evaluation,
    Frequency,
    canonical_symbol,
)

BASIS_POINT = 1e-4
Matrix = NDArray[np.float64]
Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelHistory:
    """A strategy's paper history from its first trade on; arrays over `sessions`.

    Returns are fractions; `turnover` is the traded value as a fraction of the whole, buys and sells
    both counted. The return of a session is earned by what was held before it, so the first
    session, that of the first trade, returns 0 before costs. `held[t, i]` is that holding: the
    weight of `symbols[i]` going into session t, h(t, i) above.
    """

    sessions: tuple[date, ...]
    symbols: tuple[str, ...]
    gross: Column
    net: Column
    turnover: Column
    held: Matrix

    def to_frame(self) -> pl.DataFrame:
        """Columns date, gross, net, turnover."""
        return pl.DataFrame(
            {
                "date": pl.Series(self.sessions, dtype=pl.Date),
                "gross": self.gross,
                "net": self.net,
                "turnover": self.turnover,
            }
        )

    def held_weights(self) -> pl.DataFrame:
        """Columns date, symbol, weight: what was held going into each session, without zeros."""
        rows, columns = np.nonzero(self.held)
        return pl.DataFrame(
            {
                "date": pl.Series(self.sessions, dtype=pl.Date).gather(rows),
                "symbol": pl.Series(self.symbols, dtype=pl.String).gather(columns),
                "weight": self.held[rows, columns],
            }
        )

    def beside(self, at_once: "ModelHistory") -> pl.DataFrame:
        """The frame with the further column same_close: the gross return of `at_once`.

        `at_once` is the same strategy traded with a lag of 0; null where it has no such session.
        """
        same_close = at_once.to_frame().select("date", same_close="gross")
        return self.to_frame().join(same_close, on="date", how="left", maintain_order="left")


def model_history(
    evaluation: Evaluation, closes: ClosingPrices, *, lag: int = 1, cost_bps: float = 0.0
) -> ModelHistory:
    """Follow an evaluation's weights over the closes it was made on.

    `lag` in sessions, `cost_bps` in basis points of traded value. Sessions without a signal keep
    what is held. Raises ValueError when no session has a signal early enough to be traded.
    """
    if lag < 0:
        raise ValueError(f"expected a lag of at least 0 sessions, was {lag}")
    decided = np.flatnonzero(evaluation.available)
    if not len(decided) or decided[0] + lag >= len(evaluation.sessions):
        raise ValueError(f"{evaluation.symphony.name} has no signal that could have been traded")
    start = int(decided[0]) + lag
    returns = _returns(evaluation, closes)[start:]
    targets, fresh = _targets(evaluation, start, lag)
    sessions = evaluation.sessions[start:]
    gross, turnover, held = _follow(evaluation, sessions, targets, fresh, returns)
    return ModelHistory(
        sessions=sessions,
        symbols=evaluation.symbols,
        gross=gross,
        net=gross - turnover * cost_bps * BASIS_POINT,
        turnover=turnover,
        held=held,
    )


def _returns(evaluation: Evaluation, closes: ClosingPrices) -> Matrix:
    """Daily returns of the evaluation's symbols, 0 where there is none."""
    columns = {canonical_symbol(symbol): i for i, symbol in enumerate(closes.symbols)}
    found = np.zeros((len(closes.sessions), len(evaluation.symbols)))
    for j, symbol in enumerate(evaluation.symbols):
        if symbol not in columns:
            continue
        prices = closes.closes[:, columns[symbol]]
        rows = np.flatnonzero(np.isfinite(prices))
        found[rows[1:], j] = prices[rows[1:]] / prices[rows[:-1]] - 1
    return found


def _targets(evaluation: Evaluation, start: int, lag: int) -> tuple[Matrix, NDArray[np.bool_]]:
    """The weights to trade to in each session, and whether there is a signal to trade to."""
    end = len(evaluation.sessions) - lag
    return evaluation.weights[start - lag : end], evaluation.available[start - lag : end]


def _follow_daily(targets: Matrix, returns: Matrix) -> tuple[Column, Column, Matrix]:
    """`_follow` for weights that are traded every session: nothing depends on the past but one."""
    held = np.zeros_like(targets)
    held[1:] = targets[:-1]
    gross = (held * returns).sum(axis=1)
    drifted = held * (1 + returns) / (1 + gross[:, None])
    turnover = abs(targets - drifted).sum(axis=1)
    return gross, turnover, held


def _follow(
    evaluation: Evaluation,
    sessions: tuple[date, ...],
    targets: Matrix,
    fresh: NDArray[np.bool_],
    returns: Matrix,
) -> tuple[Column, Column, Matrix]:
    """Gross returns, turnover and weights held before each session, on the symphony's own terms."""
    rebalancing = evaluation.symphony.rebalancing
    if rebalancing.frequency is Frequency.DAILY and fresh.all():
        return _follow_daily(targets, returns)
    threshold = None if rebalancing.threshold is None else float(rebalancing.threshold)
    gross, turnover = np.zeros(len(sessions)), np.zeros(len(sessions))
    before = np.empty_like(targets)
    held = np.zeros(targets.shape[1])
    last: date | None = None
    for t, session in enumerate(sessions):
        # A trade depends on what has drifted since the one before, so this is a walk in time.
        before[t] = held
        gross[t] = held @ returns[t]
        held = held * (1 + returns[t]) / (1 + gross[t])
        if not fresh[t]:
            continue
        target = targets[t]
        if threshold is None:
            due = rebalancing.due_on(session, last)
        else:
            changed = ((held > 0) != (target > 0)).any()
            due = last is None or changed or bool((abs(held - target) > threshold).any())
        if due:
            turnover[t] = abs(target - held).sum()
            held, last = target, session
    return gross, turnover, before
