"""A small market whose indicators can be worked by hand.

374 NYSE sessions, 2023-01-03 .. 2024-06-28; session i counts from 0:
UP 100+i, DOWN 1000-i, FLAT 50, ALT 100+(i mod 2), A1 = A2 = 20+i/100, BRK/B 300+i;
V and W end in five prices of their own; NEWk is listed for the last k sessions at 10, 11, 12, ...;
GAP has no bars in the last three; LOW, MID, HI swing by 0.01 %, 0.1 %, 1 % around 100.
"""

from __future__ import annotations

import re

import exchange_calendars
import numpy as np

from alchemiser_dagster.symphony import ClosingPrices, Evaluation, evaluate, read_symphony

SESSIONS = tuple(
    day.date()
    for day in exchange_calendars.get_calendar(
        "XNYS", start="2023-01-03", end="2024-06-28"
    ).sessions
)
LAST = SESSIONS[-1]
COUNT = len(SESSIONS)


def _columns() -> dict[str, np.ndarray]:
    i = np.arange(COUNT, dtype=np.float64)
    swing = np.where(i % 2 == 1, 1.0, -1.0)
    columns = {
        "UP": 100 + i,
        "DOWN": 1000 - i,
        "FLAT": np.full(COUNT, 50.0),
        "ALT": 100 + i % 2,
        "A1": 20 + 0.01 * i,
        "A2": 20 + 0.01 * i,
        "V": np.concatenate([np.full(COUNT - 5, 100.0), [100, 90, 95, 80, 100]]),
        "W": np.concatenate([np.full(COUNT - 5, 80.0), [80, 100, 90, 85, 88]]),
        "BRK/B": 300 + i,
        "LOW": 100 * (1 + 0.0001 * swing),
        "MID": 100 * (1 + 0.001 * swing),
        "HI": 100 * (1 + 0.01 * swing),
        "GAP": np.where(i < COUNT - 3, 30 + 0.1 * i, np.nan),
    }
    for k in (5, 9, 10, 11):
        columns[f"NEW{k}"] = np.concatenate([np.full(COUNT - k, np.nan), 10.0 + np.arange(k)])
    return columns


def prices(columns: dict[str, np.ndarray], sessions: tuple = SESSIONS) -> ClosingPrices:
    """A price table from columns by symbol."""
    return ClosingPrices(sessions, tuple(columns), np.column_stack(list(columns.values())))


MARKET = prices(_columns())
_TICKER = re.compile(r'("[^"]*")|(?<!asset )\b(UP|DOWN|FLAT|ALT|A1|A2|V|W|LOW|MID|HI|X|Y|Z)\b')


def program(
    body: str, header: str = '{:asset-class "EQUITIES", :rebalance-frequency :daily}'
) -> str:
    """A symphony around a body; a bare UP in it stands for (asset "UP")."""
    full = _TICKER.sub(lambda m: m[1] or f'(asset "{m[2]}")', body)
    return f'(defsymphony "t" {header} {full})'


def choose(predicate: str) -> str:
    """A symphony that holds UP where the predicate is true and FLAT elsewhere."""
    return program(f'(weight-equal [(if {predicate} [(asset "UP")] [(asset "FLAT")])])')


def run(text: str, closes: ClosingPrices = MARKET) -> Evaluation:
    """Evaluate one text."""
    return evaluate([read_symphony(text, name="t", source="t.clj")], closes)["t"]


def weights(text: str, closes: ClosingPrices = MARKET) -> dict[str, float]:
    """The weights of the last session."""
    return run(text, closes).at(closes.sessions[-1])
