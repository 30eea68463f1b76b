"""Implementation shortfall by hand, and as the difference of two portfolios."""

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.execution.implementation_shortfall import NO_SHORTFALL, Shortfall, shortfall
from alchemiser_dagster.execution.quality import Quality

D = Decimal


def block(
    side: str,
    quantity: str,
    filled: str,
    price: str,
    *,
    decided: str | None = "50.00",
    arrived: str | None = "50.10",
) -> Quality:
    return Quality(
        session=date(2026, 11, 3),
        symbol="XYZ",
        side=side,
        filled=D(filled),
        value=D(filled) * D(price),
        arrival_mid=None if arrived is None else D(arrived),
        spread_bps=None,
        block_id="b",
        state="partial",
        reason="",
        quantity=D(quantity),
        decision_mid=None if decided is None else D(decided),
    )


def test_a_purchase_that_came_late_and_did_not_fill_whole() -> None:
    made = shortfall(block("buy", "100", "80", "50.15"), {"XYZ": D("51.00")})
    assert made == Shortfall(paper=D(5_000), delay=D(8), trading=D(4), unfilled=D(20))
    assert (made.dollars, made.bps) == (D(32), D(64))


def test_a_sale_gains_where_a_purchase_would_lose() -> None:
    made = shortfall(block("sell", "100", "80", "50.15"), {"XYZ": D("51.00")})
    assert made is not None
    assert (made.delay, made.trading, made.unfilled) == (D(-8), D(-4), D(-20))


def test_what_filled_whole_needs_no_close() -> None:
    made = shortfall(block("buy", "100", "100", "50.20"), {})
    assert made == Shortfall(paper=D(5_000), delay=D(10), trading=D(10), unfilled=D(0))


def test_what_never_began_is_all_unfilled() -> None:
    made = shortfall(block("buy", "100", "0", "0", arrived=None), {"XYZ": D("49.00")})
    assert made == Shortfall(paper=D(5_000), delay=D(0), trading=D(0), unfilled=D(-100))


def test_what_is_not_known_is_not_taken_for_nothing() -> None:
    assert shortfall(block("buy", "100", "80", "50.15"), {"ABC": D(1)}) is None
    assert shortfall(block("buy", "100", "100", "50.15", decided=None), {"XYZ": D(51)}) is None


def test_shortfalls_add_up() -> None:
    one = Shortfall(D(5_000), D(8), D(4), D(20))
    assert NO_SHORTFALL + one + one == Shortfall(D(10_000), D(16), D(8), D(40))
    assert NO_SHORTFALL.bps is None


price = st.decimals("1", "500", places=2)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 1_000),
    st.floats(0, 1),
    price,
    st.none() | price,
    price,
    price,
)
def test_it_is_the_gain_on_paper_less_the_gain_made(
    side: str,
    quantity: int,
    share: float,
    decided: Decimal,
    arrived: Decimal | None,
    paid: Decimal,
    close: Decimal,
) -> None:
    filled = int(quantity * share)
    found = shortfall(
        block(
            side, str(quantity), str(filled), str(paid),
            decided=str(decided), arrived=None if arrived is None else str(arrived),
        ),
        {"XYZ": close},
    )  # fmt: skip
    sign = 1 if side == "buy" else -1
    on_paper = sign * quantity * (close - decided)
    made = sign * filled * (close - paid)
    assert found is not None
    assert found.dollars == on_paper - made
