"""The prices a symphony is evaluated on."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ClosingPrices:
    """Adjusted closes: `closes[i, j]` is the close of `symbols[j]` in `sessions[i]`, NaN if none.

    `sessions` are NYSE sessions in ascending order; `closes` is float64 of shape
    (n_sessions, n_symbols).
    """

    sessions: tuple[date, ...]
    symbols: tuple[str, ...]
    closes: NDArray[np.float64]

    def __post_init__(self) -> None:
        expected = (len(self.sessions), len(self.symbols))
        if self.closes.shape != expected:
            raise ValueError(f"expected closes of shape {expected}, was {self.closes.shape}")
        if list(self.sessions) != sorted(set(self.sessions)):
            raise ValueError("expected sessions in ascending order, each once")
