"""Paper returns, reckoned by hand."""

from datetime import date

import numpy as np
import pytest

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
