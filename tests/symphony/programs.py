"""Random symphonies and markets for property tests."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import strategies as st

from alchemiser_dagster.symphony import ClosingPrices

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "LATE", "GAPS", "GONE")
ON_ASSETS = (
    "rsi",
    "cumulative-return",
    "moving-average-return",
    "stdev-return",
    "max-drawdown",
    "moving-average-price",
    "exponential-moving-average-price",
    "stdev-price",
)
ON_RETURNS = ON_ASSETS[:5]


def market(seed: int, length: int = 60) -> ClosingPrices:
    """Random walks; LATE is listed later, GAPS misses bars, GONE is delisted, NONE has none."""
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (length, len(SYMBOLS))), axis=0))
    closes[:17, SYMBOLS.index("LATE")] = np.nan
    closes[rng.random(length) < 0.05, SYMBOLS.index("GAPS")] = np.nan
    closes[length - 9 :, SYMBOLS.index("GONE")] = np.nan
    first = date(2024, 1, 1)
    return ClosingPrices(tuple(first + timedelta(days=i) for i in range(length)), SYMBOLS, closes)


# The orderly symbols come first and often, so that most sessions of most programs have weights.
symbols = st.sampled_from((*SYMBOLS[:5] * 6, *SYMBOLS[5:], "NONE"))
assets = symbols.map(lambda symbol: f'(asset "{symbol}")')
windows = st.integers(2, 9)


@st.composite
def indicators(draw: st.DrawFn) -> str:
    """An indicator of a symbol."""
    symbol = draw(symbols)
    if draw(st.integers(0, 11)) == 0:
        return f'(current-price "{symbol}")'
    if draw(st.integers(0, 11)) == 0:
        return (
            f'(percentage-price-oscillator-signal "{symbol}" '
            "{:short-window 3 :long-window 5 :smooth-window 2})"
        )
    return f'({draw(st.sampled_from(ON_ASSETS))} "{symbol}" {{:window {draw(windows)}}})'


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """Two indicators of one kind, or one and a number."""
    left = draw(indicators())
    right = draw(st.one_of(indicators(), st.sampled_from(("0", "1", "2.5", "50", "100"))))
    return f"({draw(st.sampled_from(('>', '<', '>=', '<=')))} {left} {right})"


conditions = st.recursive(
    comparisons(),
    lambda inner: st.builds(
        lambda name, parts: f"({name} {' '.join(parts)})",
        st.sampled_from(("and", "or")),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=3,
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=3)
    one = inner
    portfolios = st.one_of(
        st.builds(lambda parts: f"(weight-equal [{' '.join(parts)}])", several),
        st.builds(lambda a, b: f"(weight-specified 0.7 {a} 0.3 {b})", one, one),
        st.builds(
            lambda w, parts: f"(weight-inverse-volatility {w} [{' '.join(parts)}])",
            windows,
            several,
        ),
        st.builds(
            lambda c, a, b: f"(if {c} [{' '.join(a)}] [{' '.join(b)}])",
            conditions,
            st.lists(one, min_size=1, max_size=2),
            st.lists(one, min_size=1, max_size=2),
        ),
        st.builds(lambda body: f'(group "g" [{body}])', one),
    )

    def ranked(kind: str, names: tuple[str, ...], of: st.SearchStrategy[str]) -> object:
        return st.builds(
            lambda name, w, n, parts: (
                f"(filter ({name} {{:window {w}}}) ({kind} {n}) [{' '.join(parts)}])"
            ),
            st.sampled_from(names),
            windows,
            st.integers(1, 3),
            st.lists(of, min_size=1, max_size=4),
        )

    return st.one_of(
        portfolios,
        ranked("select-top", ON_ASSETS, assets),  # type: ignore[arg-type]
        ranked("select-bottom", ON_RETURNS, inner),  # type: ignore[arg-type]
        ranked("select-top", ON_RETURNS, inner),  # type: ignore[arg-type]
    )


bodies = st.recursive(assets, _compound, max_leaves=8)


def text_of(body: str) -> str:
    """A whole document."""
    return f'(defsymphony "random" {{}} {body})'
