"""Shares that come for several trades at once, and who gets them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.allocation import BILLIONTH, allocate
from alchemiser_dagster.books.money import ZERO

D = Decimal


def amounts(**open_: str) -> dict[str, Decimal]:
    return {key: D(amount) for key, amount in open_.items()}


def test_everybody_gets_in_proportion_to_what_it_waits_for() -> None:
    assert allocate(D(7), amounts(A="10", B="5", C="5")) == amounts(A="3.5", B="1.75", C="1.75")


def test_all_of_it_gives_each_exactly_its_own() -> None:
    waiting = amounts(A="6.5", B="0.000000001", C="3.141592653")
    assert allocate(sum(waiting.values(), ZERO), waiting) == waiting


def test_the_remainder_goes_to_the_largest() -> None:
    # Two thirds are 0.666..., one third 0.333...: a billionth is left over.
    assert allocate(D(1), amounts(A="1", B="2")) == amounts(A="0.333333333", B="0.666666667")


def test_among_equals_the_remainder_goes_by_name() -> None:
    expected = amounts(A="0.333333334", B="0.333333333", C="0.333333333")
    assert allocate(D(1), amounts(C="1", B="1", A="1")) == expected


def test_nobody_gets_more_than_it_waits_for() -> None:
    # One billionth for each of the two largest: the first cannot take both.
    waiting = amounts(A="0.000000001", B="0.000000001", C="0.000000001")
    assert allocate(D("0.000000002"), waiting) == amounts(A="0.000000001", B="0.000000001", C="0")


def test_whole_shares_are_given_whole() -> None:
    parts = allocate(D(5), amounts(A="3", B="2", C="2"), step=D(1))
    assert parts == amounts(A="3", B="1", C="1")


def test_nothing_for_nobody() -> None:
    assert allocate(ZERO, {}) == {}
    assert allocate(ZERO, amounts(A="0")) == amounts(A="0")


@pytest.mark.parametrize(
    ("quantity", "waiting", "said"),
    [
        ("16", {"A": "10", "B": "5"}, "at most the 15 shares that are open, was 16"),
        ("1", {}, "at most the 0 shares"),
        ("-1", {"A": "10"}, "not below 0, was -1"),
        ("1", {"A": "10", "B": "-5"}, "not below 0, was -5"),
        ("0.0000000001", {"A": "10"}, "at most 9 places"),
    ],
)
def test_what_cannot_be_split_is_refused(quantity: str, waiting: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        allocate(D(quantity), amounts(**waiting))


shares = st.decimals(min_value=0, max_value=1_000_000_000, places=9)
waiting_trades = st.dictionaries(st.sampled_from("ABCDEFG"), shares, min_size=1)


@given(waiting_trades, st.data())
def test_parts_sum_to_what_came_and_are_what_is_open_at_most(
    waiting: dict[str, Decimal], data: st.DataObject
) -> None:
    total = sum(waiting.values(), ZERO)
    came = data.draw(st.decimals(min_value=0, max_value=total, places=9))
    parts = allocate(came, waiting)
    assert sum(parts.values(), ZERO) == came
    assert all(0 <= parts[key] <= waiting[key] for key in waiting)
    assert parts == allocate(came, dict(reversed(waiting.items())))


@given(waiting_trades, st.data())
def test_a_part_is_within_the_rounding_of_its_share(
    waiting: dict[str, Decimal], data: st.DataObject
) -> None:
    total = sum(waiting.values(), ZERO)
    came = data.draw(st.decimals(min_value=0, max_value=total, places=9))
    for key, part in allocate(came, waiting).items():
        # came x open / total, without a quotient
        assert abs(part * total - came * waiting[key]) <= len(waiting) * BILLIONTH * total


@given(waiting_trades, st.data())
def test_partial_fills_end_with_everybody_filled_exactly(
    waiting: dict[str, Decimal], data: st.DataObject
) -> None:
    left = dict(waiting)
    for _ in range(data.draw(st.integers(0, 8))):
        still = sum(left.values(), ZERO)
        came = data.draw(st.decimals(min_value=0, max_value=still, places=9))
        left = {key: left[key] - part for key, part in allocate(came, left).items()}
    last = allocate(sum(left.values(), ZERO), left)
    assert last == left
    assert all(amount >= 0 for amount in left.values())


@given(st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 1000), min_size=1), st.data())
def test_whole_shares_stay_whole(waiting: dict[str, int], data: st.DataObject) -> None:
    came = D(data.draw(st.integers(0, sum(waiting.values()))))
    parts = allocate(came, {key: D(amount) for key, amount in waiting.items()}, step=D(1))
    assert sum(parts.values(), ZERO) == came
    assert all(part == int(part) and part <= waiting[key] for key, part in parts.items())
