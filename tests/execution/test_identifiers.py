"""Order ids say what they were made from, and no other text says anything."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.execution.identifiers import (
    OrderName,
    client_order_id,
    parse_order_id,
)

SYMBOLS = st.from_regex(r"[A-Z]{1,5}(\.[A-Z])?", fullmatch=True)


@given(
    environment=st.sampled_from(["embedded", "paper", "live"]),
    session=st.dates(date(2020, 1, 1), date(2040, 12, 31)),
    symbol=SYMBOLS,
    side=st.sampled_from(["buy", "sell"]),
    round_=st.integers(1, 2),
    attempt=st.integers(1, 99),
    step=st.integers(1, 4),
)
def test_an_id_is_read_as_it_was_made(
    environment: str, session: date, symbol: str, side: str, round_: int, attempt: int, step: int
) -> None:
    name = client_order_id(
        environment, session, symbol, side, round_=round_, attempt=attempt, step=step
    )
    found = parse_order_id(name)
    assert found == OrderName(environment[0], session, f"n{round_}", symbol, side, attempt, step)
    assert found.round_ == round_


def test_an_id_may_name_a_book() -> None:
    found = parse_order_id("p.20260213.0.growth_blend.BRK-B.S.a2.s4")
    assert found == OrderName("p", date(2026, 2, 13), "growth_blend", "BRK.B", "sell", 2, 4)
    assert found.round_ is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "growth-blend-TQQQ-20260213-1a2b3c4d",
        "e.20260213.0.n1.TQQQ.B.a1",
        "e.20260213.0.n1.TQQQ.B.a1.s1.s2",
        "e.20260230.0.n1.TQQQ.B.a1.s1",
        "x.20260213.0.n1.TQQQ.B.a1.s1",
        "e.20260213.0.N1.TQQQ.B.a1.s1",
        "e.20260213.0.n1.TQQQ.X.a1.s1",
        "e.20260213.0.n1.TQQQ.B.a1.s1\n",
    ],
)
def test_any_other_text_says_nothing(text: str) -> None:
    assert parse_order_id(text) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    assert parse_order_id(text) is None
