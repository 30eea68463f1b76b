"""Paper returns, reckoned by hand."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.history.model import ModelHistory, model_history
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.symphony import ClosingPrices, evaluate, read_symphony

SESSIONS = tuple(sessions_between(date(2024, 1, 2), date(2024, 1, 9)))  # six sessions, Tue to Tue


def history(
    text: str, header: str = "", lag: int = 1, cost: float = 0.0, **prices: list[float]
) -> ModelHistory:
    symphony = read_symphony(f'(defsymphony "t" {{{header}}} {text})', "t")
    closes = ClosingPrices(SESSIONS, tuple(prices), np.array(list(prices.values())).T)
    evaluation = evaluate([symphony], closes)["t"]
    return model_history(evaluation, closes, lag=lag, cost_bps=cost)


RETURN = st.floats(-0.3, 0.3).map(lambda r: round(r, 4))
HALVES = '(weight-equal [(asset "A") (asset "B")])'
A = [100, 110, 110, 121, 121, 121]
B = [100, 100, 100, 100, 110, 110]


def test_weights_earn_from_the_session_after_they_are_traded() -> None:
    paper = history('(asset "A")', A=A, lag=0)
    assert paper.gross == pytest.approx([0, 0.10, 0, 0.10, 0, 0])
    later = history('(asset "A")', A=A, lag=1)
    assert later.sessions == SESSIONS[1:]
    assert later.gross == pytest.approx([0, 0, 0.10, 0, 0])


def test_daily_weights_are_brought_back_to_target() -> None:
    paper = history(HALVES, A=A, B=B, lag=0)
    assert paper.gross == pytest.approx([0, 0.05, 0, 0.05, 0.05, 0])
    # A has drifted to 0.55 / 1.05: 0.0238 is sold of one and bought of the other
    assert paper.turnover == pytest.approx([1, 1 / 21, 0, 1 / 21, 1 / 21, 0])


def test_costs_are_basis_points_of_what_is_traded() -> None:
    paper = history(HALVES, A=A, B=B, lag=0, cost=10)
    assert paper.net[0] == pytest.approx(-0.001)
    assert paper.gross - paper.net == pytest.approx(paper.turnover * 0.001)


def test_a_weekly_symphony_drifts_until_monday() -> None:
    paper = history(HALVES, ":rebalance-frequency :weekly", A=A, B=B, lag=0)
    # held since Tuesday: 1.05 on Wednesday, (1.21 + 1) / 2 on Friday; traded again on Monday
    assert np.cumprod(1 + paper.gross)[3] == pytest.approx(1.105)
    assert (paper.turnover > 0).tolist() == [True, False, False, False, True, False]


def test_a_threshold_waits_for_the_drift() -> None:
    # 0.55 / 1.05 = 0.524 on Wednesday, 0.605 / 1.105 = 0.548 on Friday
    paper = history(HALVES, ":rebalance-threshold 0.04", A=A, B=B, lag=0)
    assert (paper.turnover > 0).tolist() == [True, False, False, True, False, False]


def test_a_strategy_that_could_never_trade_is_refused() -> None:
    with pytest.raises(ValueError, match="no signal that could have been traded"):
        history('(asset "A")', A=A, lag=6)
    with pytest.raises(ValueError, match="lag of at least 0"):
        history('(asset "A")', A=A, lag=-1)


def test_daily_is_a_threshold_that_every_drift_exceeds() -> None:
    """Two ways of reckoning, one vectorised and one session by session, agree."""
    text = f"""(weight-equal [(if (> (current-price "A") (current-price "B"))
        [{HALVES}] [(asset "B")])])"""
    daily = history(text, A=A, B=B, lag=0)
    always = history(text, ":rebalance-threshold 0.000000001", A=A, B=B, lag=0)
    assert daily.gross == pytest.approx(always.gross)
    assert daily.turnover == pytest.approx(always.turnover)


@pytest.mark.parametrize(
    "header", ["", ":rebalance-frequency :weekly", ":rebalance-threshold 0.05"]
)
@given(moves=st.lists(st.tuples(RETURN, RETURN), min_size=5, max_size=5), lag=st.integers(0, 2))
def test_a_session_earns_what_was_held_before_it(
    header: str, moves: list[tuple[float, float]], lag: int
) -> None:
    returns = np.vstack([[0, 0], moves])
    prices = 100 * np.cumprod(1 + returns, axis=0)
    paper = history(HALVES, header, lag=lag, A=list(prices[:, 0]), B=list(prices[:, 1]))
    moved = {
        "A": dict(zip(SESSIONS, returns[:, 0], strict=True)),
        "B": dict(zip(SESSIONS, returns[:, 1], strict=True)),
    }
    earned, invested = dict.fromkeys(paper.sessions, 0.0), dict.fromkeys(paper.sessions, 0.0)
    for session, symbol, weight in paper.held_weights().iter_rows():
        earned[session] += weight * moved[symbol][session]
        invested[session] += weight
    assert list(earned.values()) == pytest.approx(paper.gross.tolist(), abs=1e-12)
    # nothing before the first trade, all of it afterwards
    assert list(invested.values()) == pytest.approx([0.0] + [1.0] * (len(paper.sessions) - 1))


def test_weights_that_have_drifted_are_those_that_are_held() -> None:
    paper = history(HALVES, ":rebalance-threshold 0.04", A=A, B=B, lag=0)
    held = paper.held_weights().filter(pl.col("symbol") == "A")["weight"].to_list()
    # traded on Tuesday and Friday: drifted in between, and back to a half afterwards
    assert held == pytest.approx([1 / 2, 0.55 / 1.05, 0.55 / 1.05, 1 / 2, 0.5 / 1.05])


def test_the_same_close_is_beside_the_session_that_it_earned_in() -> None:
    later, at_once = (history('(asset "A")', A=A, lag=lag) for lag in (1, 0))
    table = later.beside(at_once)
    assert table.columns == ["date", "gross", "net", "turnover", "same_close"]
    assert table["date"].to_list() == list(SESSIONS[1:])
    assert table["gross"].to_list() == pytest.approx([0, 0, 0.10, 0, 0])
    assert table["same_close"].to_list() == pytest.approx([0.10, 0, 0.10, 0, 0])
    early = at_once.beside(later)["same_close"].to_list()
    assert early[0] is None
    assert early[1:] == pytest.approx([0, 0, 0.10, 0, 0])
