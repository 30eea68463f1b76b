from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.market.actions import (
    ACTIONS_SCHEMA,
    KINDS,
    Action,
    actions_table,
    empty_actions,
    select_actions,
)

from .tables import MON, THU, TUE, WED

DIVIDEND = Action("SPY", WED, "dividend", amount=1.59)
SPLIT = Action("BRK/B", TUE, "split", ratio=50.0)
RENAMED = Action("FB", TUE, "name_change", new_symbol="META")

actions = st.builds(
    Action,
    st.sampled_from(["SPY", "BRK/B", "brk.b", "META"]),
    st.dates(MON, MON + timedelta(days=9)),
    st.sampled_from(KINDS),
    amount=st.none() | st.sampled_from([0.1, 0.2]),
    ratio=st.none() | st.sampled_from([0.5, 4.0]),
    new_symbol=st.none() | st.sampled_from(["BF-B", "KID"]),
)


def test_actions_are_sorted_and_spelled_as_bars_are():
    table = actions_table([DIVIDEND, RENAMED, SPLIT])
    assert table.schema == ACTIONS_SCHEMA
    assert table.rows() == [
        ("BRK.B", TUE, "split", None, 50.0, None),
        ("FB", TUE, "name_change", None, None, "META"),
        ("SPY", WED, "dividend", 1.59, None, None),
    ]


def test_an_action_told_twice_is_there_once_and_two_of_a_day_twice():
    special = DIVIDEND._replace(amount=10.0)
    assert actions_table([DIVIDEND, DIVIDEND, special])["amount"].to_list() == [1.59, 10.0]


def test_there_may_be_none():
    assert actions_table([]).schema == empty_actions().schema == ACTIONS_SCHEMA


def test_actions_are_found_by_symbol_and_ex_date():
    table = actions_table([DIVIDEND, SPLIT, RENAMED])
    assert select_actions(table, ["SPY", "BRK-B"], MON, TUE)["symbol"].to_list() == ["BRK.B"]
    assert select_actions(table, ["SPY"], WED, WED).height == 1
    assert select_actions(table, ["SPY"], THU, date(2030, 1, 1)).is_empty()


def test_a_new_name_is_found_by_the_new_and_by_the_old():
    table = actions_table([RENAMED])
    assert [select_actions(table, [name], MON, THU).height for name in ("FB", "META")] == [1, 1]


@given(st.lists(actions), st.randoms())
def test_the_order_in_which_actions_come_does_not_matter(found, random):
    shuffled = [*found, *found]
    random.shuffle(shuffled)
    assert actions_table(shuffled).equals(actions_table(found))
