"""Returns of books with money put in and taken out, against an independent library."""

from datetime import date
from decimal import Decimal

import empyrical
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.books.performance_history import with_returns
from alchemiser_dagster.market.sessions import sessions_between

EARNED = st.floats(-0.2, 0.2).map(lambda r: round(r, 4))
PUT_IN = st.sampled_from([0, 0, 0, 5_000, -300])


def book(returns: list[float], flows: list[int]) -> pl.DataFrame:
    """A book of 10,000 dollars that earns `returns` on what it has after each session's flow."""
    nav, net_flows, rows = 10_000.0, 10_000, []
    for session, r, flow in zip(
        sessions_between(date(2026, 1, 2), date(2026, 12, 31)), returns, flows, strict=False
    ):
        nav, net_flows = (nav + flow) * (1 + r), net_flows + flow
        rows.append(("a", session, Decimal(f"{nav:.9f}"), Decimal(net_flows)))
    first = ("a", date(2025, 12, 31), Decimal(10_000), Decimal(10_000))
    return pl.DataFrame(
        [first, *rows],
        schema={
            "book": pl.String, "session": pl.Date,
            "nav": pl.Decimal(38, 9), "net_flows": pl.Decimal(38, 9),
        },
        orient="row",
    )  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(EARNED, PUT_IN), min_size=1, max_size=60))
def test_flows_are_in_no_return(moves: list[tuple[float, int]]) -> None:
    returns, flows = [r for r, _ in moves], [flow for _, flow in moves]
    made = with_returns(book(returns, flows))
    earned = np.array([0.0, *returns])
    assert made["daily_return"].to_numpy() == pytest.approx(earned, abs=1e-9)
    assert made["time_weighted_return"].to_numpy() == pytest.approx(
        empyrical.cum_returns(earned), abs=1e-7
    )
    assert made["drawdown"].min() == pytest.approx(empyrical.max_drawdown(earned), abs=1e-7)
