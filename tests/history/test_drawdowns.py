"""Drawdowns by hand, and against an independent library and a plain walk on many series."""

from datetime import date, timedelta

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.history.drawdowns import Drawdown, drawdown_curve, drawdowns
from alchemiser_dagster.history.statistics import ReturnsError

RETURNS = st.lists(st.floats(-0.2, 0.2).map(lambda r: round(r, 5)), min_size=1, max_size=80)


def day(number: int) -> date:
    return date(2024, 1, 1) + timedelta(days=number - 1)


def days(count: int) -> list[date]:
    return [day(n + 1) for n in range(count)]


def test_the_curve_is_the_loss_from_the_highest_so_far() -> None:
    # 1.10, 0.88, 0.968, 1.1132
    curve = drawdown_curve(np.array([0.10, -0.20, 0.10, 0.15]))
    assert curve == pytest.approx([0, -0.20, -0.12, 0])


def test_episodes_are_listed_by_their_depth() -> None:
    # down 10 % and back in two sessions; then down 20 % over two sessions, and not back
    returns = np.array([0.0, -0.10, 0.05, 0.06, 0.0, -0.10, -1 / 9, 0.05])
    deep, shallow = drawdowns(days(8), returns)
    assert deep == Drawdown(day(5), day(7), None, pytest.approx(0.20), 3)
    assert shallow == Drawdown(day(1), day(2), day(4), pytest.approx(0.10), 3)
    assert drawdowns(days(8), returns, count=1) == [deep]


def test_a_fall_from_the_very_start_has_no_session_of_its_high() -> None:
    [only] = drawdowns(days(2), np.array([-0.10, 0.05]))
    assert only == Drawdown(None, day(1), None, pytest.approx(0.10), 2)


def test_what_never_falls_has_no_drawdown() -> None:
    assert drawdowns(days(3), np.array([0.0, 0.01, 0.0])) == []


def test_a_rounding_is_no_drawdown() -> None:
    # 1.1 x (1 / 1.1) is not quite 1 in floats
    returns = np.array([-1 / 11, 0.1, 0.1, -1 / 11, 0.1])
    assert [found.length for found in drawdowns(days(5), returns)] == [2, 2]


def test_dollars_are_refused() -> None:
    with pytest.raises(ReturnsError, match=r"fractions in \[-1, 1\], was 12\.5 on 2024-01-02"):
        drawdowns(days(2), np.array([0.1, 12.5]))


@settings(deadline=None)
@given(RETURNS)
def test_the_deepest_agrees_with_an_independent_library(found: list[float]) -> None:
    returns = np.array(found)
    expected = -empyrical.max_drawdown(returns)
    assert -drawdown_curve(returns).min() == pytest.approx(expected, abs=1e-12)
    listed = drawdowns(days(len(found)), returns)
    assert (listed[0].depth if listed else 0) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(RETURNS)
def test_episodes_agree_with_a_plain_walk(found: list[float]) -> None:
    high = index = 1.0
    below, lengths = 0, []
    for r in found:
        index *= 1 + r
        if index < high * (1 - 1e-12):
            below += 1
        elif below:
            lengths.append(below + 1)
            below = 0
        high = max(high, index)
    lengths += [below] if below else []
    listed = drawdowns(days(len(found)), np.array(found), count=len(found))
    assert sorted(episode.length for episode in listed) == sorted(lengths)
    depths = [episode.depth for episode in listed]
    assert depths == sorted(depths, reverse=True)
