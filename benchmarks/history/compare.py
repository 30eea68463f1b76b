"""From daily target weights to daily returns: this project, vectorbt and bt, in one run.

    python -m benchmarks.history.compare

The same question for all: weights of each session are traded at its close, without costs, and the
portfolio's daily returns are asked for. Inputs are ready in memory for each in its own form. Each
is run once to warm up (vectorbt compiles itself then) and timed as the best of three runs; bt,
which takes long, once. The returns are compared, so that the same thing is measured.
"""

import logging
import sys
import time
from collections.abc import Callable

import bt
import numpy as np
import pandas as pd
import vectorbt as vbt

from alchemiser_dagster.history.model import model_history
from alchemiser_dagster.symphony import ClosingPrices, Evaluation, evaluate, read_symphony
from benchmarks.symphony.workload import closing_prices, texts

RUNS = 3
BT_STRATEGIES = 2


def main() -> int:
    """Print seconds a strategy and the ratios."""
    logging.disable(logging.WARNING)
    closes = closing_prices()
    symphonies = [read_symphony(text, name) for name, text in texts().items()]
    evaluations = [e for e in evaluate(symphonies, closes).values() if e.available.any()]
    cases = [_Case(evaluation, closes) for evaluation in evaluations]
    ours = _seconds(lambda: [case.ours() for case in cases]) / len(cases)
    theirs = _seconds(lambda: [case.vectorbt() for case in cases]) / len(cases)
    slow = cases[:BT_STRATEGIES]
    began = time.perf_counter()
    for case in slow:
        case.bt()
    slowest = (time.perf_counter() - began) / len(slow)
    worst = max(case.difference() for case in cases)
    say(f"{len(cases)} strategies, {len(closes.sessions)} sessions, weights to daily returns:")
    say(f"  this project  {ours * 1e3:9.2f} ms a strategy")
    say(f"  vectorbt      {theirs * 1e3:9.2f} ms a strategy, {theirs / ours:6.1f} x ours")
    say(f"  bt            {slowest * 1e3:9.2f} ms a strategy, {slowest / ours:6.1f} x ours")
    say(f"  largest difference of a day's return between ours and vectorbt: {worst:.1e}")
    return 0 if worst < 1e-6 else 1


class _Case:
    """One strategy's weights and closes, in each engine's form."""

    def __init__(self, evaluation: Evaluation, closes: ClosingPrices) -> None:
        self.evaluation, self.closes = evaluation, closes
        start = int(np.flatnonzero(evaluation.available)[0])
        index = pd.DatetimeIndex(closes.sessions[start:])
        columns = list(evaluation.symbols)
        places = [closes.symbols.index(symbol) for symbol in columns]
        self.weights = pd.DataFrame(evaluation.weights[start:], index, columns)
        self.prices = pd.DataFrame(closes.closes[start:, places], index, columns).ffill().bfill()

    def ours(self) -> np.ndarray:
        return model_history(self.evaluation, self.closes, lag=0).gross

    def vectorbt(self) -> np.ndarray:
        portfolio = vbt.Portfolio.from_orders(
            self.prices,
            size=self.weights,
            size_type="targetpercent",
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            init_cash=1e6,
            freq="1D",
        )
        return portfolio.returns().to_numpy()

    def bt(self) -> np.ndarray:
        strategy = bt.Strategy("s", [bt.algos.WeighTarget(self.weights), bt.algos.Rebalance()])
        test = bt.Backtest(strategy, self.prices, integer_positions=False, progress_bar=False)
        return bt.run(test, progress_bar=False).prices.pct_change().to_numpy()

    def difference(self) -> float:
        available = self.evaluation.available[-len(self.weights) :]
        if not available.all():  # an engine without "no signal today" sells everything then
            return 0.0
        return float(np.abs(self.ours() - self.vectorbt()).max())


def _seconds(run: Callable[[], object]) -> float:
    run()
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return min(taken)


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
