"""Filters over portfolios: scored by the returns of following them, with one session of lag.

SIG closes 40 60 60 40 60 60; X returns 0 +10 0 -10 +20 %, Y 0 +1 +2 +3 +4 %, and Z rises by 5 % on
the last session alone. G holds X where SIG > 50 and Y elsewhere, so the weights decided at the
closes of t1..t5 are X X Y X X, and G returns +10, 0, +3, +20 % on t2..t5.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from alchemiser_dagster.symphony import ClosingPrices, SignalUnavailable
from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.graph import Asset, Filter
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.plan import Plan
from alchemiser_dagster.symphony.symphony import read_symphony
from tests.symphony.market import COUNT, MARKET, SESSIONS, prices, program, run, weights

DAYS = SESSIONS[:6]
SIGNAL = np.array([40.0, 60, 60, 40, 60, 60])
X = 100 * np.cumprod([1, 1.0, 1.10, 1.0, 0.90, 1.20])
Y = 100 * np.cumprod([1, 1.0, 1.01, 1.02, 1.03, 1.04])
Z = np.array([20.0, 20, 20, 20, 20, 21])
BODY = '(weight-equal [(if (> (current-price "SIG") 50) [X] [Y])])'
GROUP = f'(group "G" [{BODY}])'
GROUP_Z = '(group "Z" [(weight-equal [Z])])'


def small(**changes: np.ndarray) -> ClosingPrices:
    return prices({"SIG": SIGNAL, "X": X, "Y": Y, "Z": Z} | changes, DAYS)


def ranked(metric: str, candidates: str, select: str = "select-top 1") -> str:
    return program(f"(weight-equal [(filter {metric} ({select}) [{candidates}])])")


def scores(text: str, closes: ClosingPrices) -> list[float]:
    """The scores of the first filter's candidates on the last session."""
    symphony = read_symphony(text, name="t")
    columns = Columns(History(closes), Plan([symphony.root]), keep=True)
    for node in columns.plan.orders[0]:
        columns.compute(node)
    chosen = next(node for node in columns.plan.orders[0] if isinstance(node, Filter))
    name, days = chosen.metric.name, chosen.metric.windows
    return [float(columns.score(name, days, c).scores[-1]) for c in chosen.candidates]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("(moving-average-return {:window 3})", [7.666667, 1.666667]),
        ("(cumulative-return {:window 3})", [23.6, 5.0]),
        ("(cumulative-return {:window 4})", [35.96, 5.0]),
        ("(stdev-return {:window 3})", [10.785793, 2.886751]),
    ],
)
def test_scores(metric: str, expected: list[float]) -> None:  # g1, g2, g3
    text = ranked(metric, f"{GROUP} {GROUP_Z}")
    assert scores(text, small()) == pytest.approx(expected, abs=1e-6)


def test_holds_the_weights_of_today() -> None:  # g4
    text = ranked("(moving-average-return {:window 3})", f"{GROUP} {GROUP_Z}", "select-top 2")
    assert weights(text, small()) == {"X": 0.5, "Z": 0.5}


@pytest.mark.parametrize("unit", [GROUP, BODY, f'(group "other" [{GROUP}])'])
def test_names_and_wrappers_change_no_score(unit: str) -> None:  # g5, g6, g12
    text = ranked("(cumulative-return {:window 3})", f"Z {unit}")
    assert scores(text, small()) == pytest.approx([5.0, 23.6])


def test_holidays_are_no_sessions() -> None:  # g7
    after = SESSIONS.index(date(2024, 5, 28))
    rise = np.where(np.arange(COUNT) >= after - 1, 110.0, 100.0)  # +10 % on the Friday before
    closes = prices({"X": rise, "Z": np.full(COUNT, 20.0)})
    closes = ClosingPrices(SESSIONS[: after + 1], closes.symbols, closes.closes[: after + 1])
    text = ranked("(cumulative-return {:window 3})", '(group "X" [(weight-equal [X])]) Z')
    assert scores(text, closes) == pytest.approx([10.0, 0.0])


def test_equal_names_are_not_equal_groups() -> None:  # g8
    flat = np.full(6, 50.0)
    first = (
        '(filter (cumulative-return {:window 3}) (select-top 1) [(group "S" [(weight-equal [X])])])'
    )
    second = (
        "(filter (cumulative-return {:window 3}) (select-top 1)"
        ' [(group "S" [(weight-equal [FLAT])]) Z])'
    )
    held = weights(program(f"(weight-equal [{first} {second}])"), small(FLAT=flat))
    assert held == {"X": 0.5, "Z": 0.5}


def test_evening_after_evening() -> None:  # g9: three returns end on t3, t4, t5 and, one more, t6
    longer = SESSIONS[:7]
    columns = {"SIG": [40, 40, *SIGNAL[1:]], "X": [100, *X], "Y": [100, *Y], "Z": [20, *Z]}
    closes = prices({k: np.array(v, dtype=float) for k, v in columns.items()}, longer)
    text = ranked("(cumulative-return {:window 3})", GROUP)
    found = []
    for last in (4, 5, 6, 7):
        cut = ClosingPrices(longer[:last], closes.symbols, closes.closes[:last])
        found += scores(text, cut)
    assert found == pytest.approx([10.0, 10.0, 13.3, 23.6], abs=1e-9)


def test_the_last_return_counts_and_the_last_weights_do_not() -> None:  # g10, g11
    text = ranked("(cumulative-return {:window 3})", GROUP)
    higher = X.copy()
    higher[-1] *= 1.1
    assert scores(text, small(X=higher)) == pytest.approx([1.236 * 1.1 * 100 - 100])
    assert weights(text, small(X=higher)) == {"X": 1.0}
    switched = SIGNAL.copy()
    switched[-1] = 40
    assert scores(text, small(SIG=switched)) == pytest.approx([23.6])
    assert weights(text, small(SIG=switched)) == {"Y": 1.0}


def test_a_missing_day_is_named() -> None:  # g13
    gap = SIGNAL.copy()
    gap[3] = np.nan
    text = ranked("(cumulative-return {:window 3})", f"{GROUP} Z")
    with pytest.raises(SignalUnavailable, match=f"{DAYS[3]}.*last bar of SIG"):
        weights(text, small(SIG=gap))


def test_too_short_a_history_is_left_out() -> None:
    late = SIGNAL.copy()
    late[:3] = np.nan
    text = ranked("(cumulative-return {:window 3})", f"{GROUP} Z")
    assert weights(text, small(SIG=late)) == {"Z": 1.0}


def test_a_delisted_member_stands_still() -> None:  # g14
    gone = X.copy()
    gone[3:] = np.nan  # after its +10 % on t2
    text = ranked("(cumulative-return {:window 4})", '(group "X" [(weight-equal [X])])')
    assert scores(text, small(X=gone)) == pytest.approx([10.0])
    assert run(text, small(X=gone)).warnings == (f"the last bar of X is of {DAYS[2]}",)


def test_rsi_reads_the_whole_index() -> None:  # g15
    asset = ranked("(rsi {:window 10})", "ALT")
    unit = ranked("(rsi {:window 10})", '(group "A" [(weight-equal [ALT])])')
    assert scores(unit, MARKET) == pytest.approx(scores(asset, MARKET), abs=1e-9)


@pytest.mark.parametrize(
    "metric", ["rsi", "cumulative-return", "moving-average-return", "stdev-return", "max-drawdown"]
)
@pytest.mark.parametrize("symbol", ["V", "W", "HI", "UP"])
def test_a_portfolio_of_one_scores_like_its_asset(metric: str, symbol: str) -> None:
    asset = ranked(f"({metric} {{:window 5}})", symbol)
    unit = ranked(f"({metric} {{:window 5}})", f"(weight-equal [{symbol}])")
    assert scores(unit, MARKET) == pytest.approx(scores(asset, MARKET), abs=1e-9)


def test_an_unlisted_asset_is_a_candidate_without_score() -> None:
    assert isinstance(read_symphony(program("UP"), name="t").root, Asset)
    text = ranked("(cumulative-return {:window 3})", '(asset "NONE") Z')
    assert weights(text, small()) == {"Z": 1.0}
