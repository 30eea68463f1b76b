"""Evaluating symphonies in all sessions at once.

Every distinct node is evaluated once, children first, as whole columns over the sessions; what
nobody will read again is dropped. Both branches of an `if` are evaluated, and the condition picks
between them session by session, so data that a branch lacks only matters where it is taken.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.symphony.conditions import truth
from alchemiser_dagster.symphony.faults import FaultBook
from alchemiser_dagster.symphony.graph import (
    Asset,
    Equal,
    Filter,
    If,
    InverseVolatility,
    Node,
    Specified,
    children_of,
)
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.selection import select
from alchemiser_dagster.symphony.symphony import Symphony, nodes_of
from alchemiser_dagster.symphony.units import Weights
from alchemiser_dagster.symphony.volatility import inverse_volatility_shares


class SignalUnavailable(Exception):
    """A session in which a symphony has no weights; the message says why."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A symphony's weights: `weights[i, j]` of `symbols[j]` in `sessions[i]`.

    Rows sum to 1 where `available`, and are 0 elsewhere.
    """

    symphony: Symphony
    sessions: tuple[date, ...]
    symbols: tuple[str, ...]
    weights: NDArray[np.float64]
    faults: NDArray[np.int32]
    _book: FaultBook = field(repr=False)

    @property
    def available(self) -> NDArray[np.bool_]:
        """Where there are weights."""
        return self.faults == 0

    def reason(self, session: date) -> str | None:
        """Why `session` has no weights; None where it has."""
        row = self._row(session)
        fault = int(self.faults[row])
        return None if fault == 0 else self._book.explain(fault, row, self.symphony)

    def reasons(self) -> Counter[str]:
        """How many sessions have no weights, by what is missing."""
        codes, counts = np.unique(self.faults[self.faults != 0], return_counts=True)
        found: Counter[str] = Counter()
        for code, count in zip(codes, counts, strict=True):
            found[self._book.name(int(code), self.symphony)] += int(count)
        return found

    def at(self, session: date) -> dict[str, float]:
        """The positive weights of a session by symbol. Raises SignalUnavailable."""
        reason = self.reason(session)
        if reason is not None:
            raise SignalUnavailable(reason)
        row = self.weights[self._row(session)]
        return {self.symbols[i]: float(row[i]) for i in np.flatnonzero(row > 0)}

    def to_frame(self) -> pl.DataFrame:
        """Rows (date, strategy, symbol, weight): one for each positive weight of a session."""
        rows, columns = np.nonzero(self.weights > 0)
        return pl.DataFrame(
            {
                "date": pl.Series(self.sessions, dtype=pl.Date).gather(rows),
                "strategy": pl.repeat(self.symphony.name, len(rows), eager=True),
                "symbol": pl.Series(self.symbols, dtype=pl.String).gather(columns),
                "weight": self.weights[rows, columns],
            }
        )

    def _row(self, session: date) -> int:
        row = int(np.searchsorted(np.array(self.sessions, dtype="M8[D]"), np.datetime64(session)))
        if row >= len(self.sessions) or self.sessions[row] != session:
            raise SignalUnavailable(f"{session} is not among the sessions evaluated")
        return row


def evaluate(symphonies: Sequence[Symphony], closes: ClosingPrices) -> dict[str, Evaluation]:
    """Evaluate symphonies in every session of `closes`; by the symphony's name."""
    history = History(closes)
    book = FaultBook(history)
    roots = Counter(symphony.root for symphony in symphonies)
    made: dict[Node, Weights] = {}
    readers = Counter(roots)
    order = _in_order(roots)
    for node in order:
        readers.update(children_of(node))
    for node in order:
        made[node] = _weights(node, made, history, book)
        for child in children_of(node):
            readers[child] -= 1
            if not readers[child]:
                del made[child]
    return {s.name: _evaluation(s, made[s.root], closes, book) for s in symphonies}


def _in_order(roots: Iterable[Node]) -> list[Node]:
    """Every distinct node, children before their parents."""
    return list(dict.fromkeys(node for root in roots for node in nodes_of(root)))


def _weights(node: Node, made: dict[Node, Weights], history: History, book: FaultBook) -> Weights:
    match node:
        case Asset(symbol):
            fine = np.zeros(history.length, dtype=np.int32)
            return Weights({symbol: np.ones(history.length)}, fine)
        case Equal(children):
            share = np.full(history.length, 1 / len(children))
            return mix([(share, made[child]) for child in children], history.length)
        case Specified(shares, children):
            parts = [
                (np.full(history.length, float(share)), made[child])
                for share, child in zip(shares, children, strict=True)
            ]
            return mix(parts, history.length)
        case InverseVolatility():
            units = [made[child] for child in node.children]
            shares, faults = inverse_volatility_shares(node, units, history, book)
            return _guarded(mix(zip(shares, units, strict=True), history.length), faults)
        case Filter():
            units = [made[candidate] for candidate in node.candidates]
            shares, faults = select(node, units, history, book)
            return _guarded(mix(zip(shares, units, strict=True), history.length), faults)
        case If(condition, then, otherwise):
            holds, faults = truth(condition, history, book)
            if otherwise is None:
                other = Weights({}, np.full(history.length, book.no_else(node), dtype=np.int32))
            else:
                other = made[otherwise]
            picked = mix(
                [(holds.astype(np.float64), made[then]), ((~holds).astype(np.float64), other)],
                history.length,
            )
            return _guarded(picked, faults)
    raise TypeError(f"expected a node, was {type(node).__name__}")


def mix(parts: Iterable[tuple[NDArray[np.float64], Weights]], length: int) -> Weights:
    """Portfolios in given shares (arrays over the sessions). One with no share cannot fault."""
    columns: dict[str, NDArray[np.float64]] = {}
    faults = np.zeros(length, dtype=np.int32)
    for share, part in parts:
        taken = share > 0
        faults = np.where((faults == 0) & taken, part.faults, faults)
        for symbol, column in part.columns.items():
            if symbol in columns:
                columns[symbol] = columns[symbol] + share * column
            else:
                columns[symbol] = share * column
    return _guarded(Weights(columns, faults), faults)


def _guarded(weights: Weights, faults: NDArray[np.int32]) -> Weights:
    """No weights where there is a fault; the outer reason stands before the inner one."""
    combined = np.where(faults != 0, faults, weights.faults).astype(np.int32)
    if combined.any():
        fine = combined == 0
        columns = {symbol: column * fine for symbol, column in weights.columns.items()}
    else:
        columns = weights.columns
    return Weights({s: c for s, c in columns.items() if c.any()}, combined)


def _evaluation(
    symphony: Symphony, weights: Weights, closes: ClosingPrices, book: FaultBook
) -> Evaluation:
    symbols = tuple(sorted(weights.columns))
    matrix = (
        np.column_stack([weights.columns[symbol] for symbol in symbols])
        if symbols
        else np.zeros((len(closes.sessions), 0))
    )
    total = matrix.sum(axis=1, keepdims=True)
    matrix = np.divide(matrix, total, out=np.zeros_like(matrix), where=total > 0)
    return Evaluation(symphony, closes.sessions, symbols, matrix, weights.faults, book)
