"""Switches of the profile: settled cash, and the code of a client id used twice."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from alpaca.common.exceptions import APIError

from alchemiser_dagster.embedded import CASH_STRICT, PROFILES, Profile, StateFileError
from tests.embedded.conftest import Desk, Open, new_york
from tests.embedded.order_requests import limit, market


def free(desk: Desk) -> Decimal:
    account = desk.trading.get_account()
    assert account.buying_power == account.non_marginable_buying_power
    return Decimal(str(account.buying_power))


def test_profiles_by_name() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {
        name: name for name in ("paper", "realistic", "cash_strict")
    }


def test_proceeds_are_blocked_until_they_settle(open_desk: Open) -> None:
    """All cash but 9,990 is in STILL (900 at 100.01). Selling 100 at 99.99 frees nothing on
    Monday; on Tuesday, T+1, the 9,999 are free as well."""
    desk = open_desk(profile=CASH_STRICT)
    desk.trading.submit_order(market("buy", "STILL", "899"))
    desk.trading.submit_order(market("buy", "STILL", "1"))
    desk.control.advance_to("next_close")
    desk.control.advance_to("next_open")
    bought = free(desk)
    cash = Decimal(str(desk.trading.get_account().cash))
    assert bought == cash
    desk.trading.submit_order(limit("sell", "STILL", "100", "99.99"))
    desk.control.advance_to(new_york("2024-03-19 15:59"))
    proceeds = Decimal(str(desk.trading.get_account().cash)) - cash
    assert proceeds == Decimal("9999.00")
    assert free(desk) == bought
    with pytest.raises(APIError, match="insufficient buying power"):
        desk.trading.submit_order(limit("buy", "CALM", "300", "62.00"))
    desk.control.advance_to(new_york("2024-03-20 09:00"))
    assert free(desk) == bought + proceeds
    desk.trading.submit_order(limit("buy", "CALM", "300", "62.00"))


def test_blocked_proceeds_survive_a_restart(open_desk: Open) -> None:
    desk = open_desk(profile=CASH_STRICT, state="cash.sqlite")
    desk.trading.submit_order(market("buy", "STILL", "1"))
    desk.control.advance_to("next_close")
    desk.control.advance_to("next_open")
    desk.trading.close_position("STILL")
    before = free(desk)
    assert before < Decimal(str(desk.trading.get_account().cash))
    desk.broker.stop()
    assert free(open_desk(profile=CASH_STRICT, state="cash.sqlite")) == before


def test_a_client_id_used_twice_has_the_code_of_the_profile(open_desk: Open) -> None:
    desk = open_desk(profile=Profile(duplicate_id_code=42210000))
    desk.trading.submit_order(limit("buy", "STILL", "1", "90.00", client_order_id="once"))
    with pytest.raises(APIError, match="must be unique") as refused:
        desk.trading.submit_order(limit("buy", "STILL", "1", "90.00", client_order_id="once"))
    assert (refused.value.status_code, refused.value.code) == (422, 42210000)


def test_state_of_another_switch_is_refused(open_desk: Open) -> None:
    open_desk(profile=Profile(), state="same.sqlite").broker.stop()
    with pytest.raises(StateFileError, match="expected settled_cash_only True, was False"):
        open_desk(profile=Profile(settled_cash_only=True), state="same.sqlite")
    open_desk(profile=Profile(), state="same.sqlite")


def test_state_from_before_there_were_these_switches(open_desk: Open, tmp_path: Path) -> None:
    open_desk(profile=Profile(), state="old.sqlite").broker.stop()
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as state:
        state.execute("DELETE FROM meta WHERE key IN ('settled_cash_only', 'duplicate_id_code')")
        state.commit()
    open_desk(profile=Profile(), state="old.sqlite")
