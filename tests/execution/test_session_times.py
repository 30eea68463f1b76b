"""Which session it is, and when its window opens: by the broker's clock, in New York."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from alchemiser_dagster.embedded import InProcessBroker
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.gate import Phase, phase_of_day
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import NEW_YORK

from .script import Script, flat_market, scripted_gateway


def phase_at(moment: datetime) -> Phase:
    """Where a desk finds itself at a moment of 2026."""
    broker = InProcessBroker(
        flat_market({"XYZ": 100.0}, first=date(2026, 1, 5)),
        opened_at=datetime(2026, 1, 6, 12, tzinfo=NEW_YORK),
        opening_cash=Decimal(1000),
    )
    broker.advance_to(moment)
    gateway = scripted_gateway(broker, Script(broker))
    return phase_of_day(Desk(gateway, Ledger("sqlite://"), "embedded"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_s08_after_midnight_in_greenwich_it_is_still_yesterday_in_new_york() -> None:
    phase = phase_at(utc("2026-02-13 01:30"))
    assert phase.day is not None
    assert phase.day.session == date(2026, 2, 12)
    assert phase.window is None
    assert "the window of 2026-02-12 has closed" in phase.says


@pytest.mark.parametrize(
    ("opens", "session"),
    [
        ("2026-03-06 20:45", date(2026, 3, 6)),
        ("2026-03-09 19:45", date(2026, 3, 9)),
        ("2026-11-27 17:45", date(2026, 11, 27)),
    ],
    ids=["S09 in winter", "S09 in summer", "S10 an early close"],
)
def test_the_window_opens_15_minutes_before_the_close(opens: str, session: date) -> None:
    moment = utc(opens)
    early = phase_at(moment - timedelta(seconds=1))
    assert early.window is None
    assert f"the window of {session} opens at" in early.says
    window = phase_at(moment).window
    assert window is not None
    assert window.session == session


def test_s10_an_early_close_moves_the_last_minute_too() -> None:
    """13:00 in New York: at 12:58:59 there is still time, at 12:59 there is none."""
    assert phase_at(utc("2026-11-27 17:58:59")).window is not None
    assert phase_at(utc("2026-11-27 17:59")).window is None


@pytest.mark.parametrize("day", ["2026-11-26", "2026-11-28"], ids=["S11 Thanksgiving", "Saturday"])
def test_no_window_opens_on_a_day_that_is_no_session(day: str) -> None:
    phase = phase_at(utc(f"{day} 20:50"))
    assert (phase.day, phase.window) == (None, None)
    assert f"{day} is no session" in phase.says
