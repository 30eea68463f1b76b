from datetime import UTC, date, datetime, timedelta

import pytest

from alchemiser_dagster.market.sessions import (
    NEW_YORK,
    SessionError,
    closed_weekdays,
    is_early_close,
    is_session,
    last_completed_session,
    next_session,
    previous_session,
    session_close,
    session_open,
    sessions_between,
)


def new_york(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=NEW_YORK)


THANKSGIVING = date(2026, 11, 26)
DAY_AFTER = date(2026, 11, 27)


def test_thanksgiving_week_2026_has_four_sessions():
    assert sessions_between(date(2026, 11, 21), date(2026, 11, 29)) == [
        date(2026, 11, 23),
        date(2026, 11, 24),
        date(2026, 11, 25),
        DAY_AFTER,
    ]
    assert not is_session(THANKSGIVING)
    assert closed_weekdays(date(2026, 11, 21), date(2026, 11, 29)) == [THANKSGIVING]


def test_a_span_that_ends_before_it_starts_has_no_session():
    assert sessions_between(date(2026, 11, 27), date(2026, 11, 23)) == []
    assert closed_weekdays(date(2026, 11, 27), date(2026, 11, 23)) == []


@pytest.mark.parametrize(
    "closed",
    [
        date(2001, 9, 11),  # attacks
        date(2012, 10, 29),  # hurricane Sandy
        date(2018, 12, 5),  # national day of mourning
        date(2025, 1, 9),  # national day of mourning
        date(2024, 6, 19),  # Juneteenth
        date(2024, 3, 29),  # Good Friday
    ],
)
def test_unscheduled_and_moving_closures_are_known(closed: date):
    assert not is_session(closed)


def test_the_number_of_sessions_of_a_year():
    assert len(sessions_between(date(2024, 1, 1), date(2024, 12, 31))) == 252
    assert len(sessions_between(date(2025, 1, 1), date(2025, 12, 31))) == 250


def test_neighbours_of_a_session_and_of_a_holiday():
    assert previous_session(DAY_AFTER) == next_session(date(2026, 11, 24)) == date(2026, 11, 25)
    assert previous_session(THANKSGIVING) == date(2026, 11, 25)
    assert next_session(THANKSGIVING) == DAY_AFTER
    assert next_session(DAY_AFTER) == date(2026, 11, 30)


def test_opening_and_closing_times_are_new_york_times_in_winter_and_summer():
    assert session_open(date(2026, 7, 1)) == datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    assert session_close(date(2026, 7, 1)) == datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
    assert session_close(date(2026, 12, 1)) == datetime(2026, 12, 1, 21, 0, tzinfo=UTC)
    assert session_close(date(2026, 12, 1)).tzinfo is NEW_YORK
    assert session_close(date(2026, 12, 1)).isoformat() == "2026-12-01T16:00:00-05:00"


def test_early_closes():
    assert session_close(DAY_AFTER) == new_york(DAY_AFTER, 13)
    assert is_early_close(DAY_AFTER)
    assert is_early_close(date(2026, 12, 24))
    assert not is_early_close(date(2026, 11, 25))


def test_a_session_is_completed_from_its_close_on():
    assert last_completed_session(new_york(DAY_AFTER, 12, 59, 59)) == date(2026, 11, 25)
    assert last_completed_session(new_york(DAY_AFTER, 13)) == DAY_AFTER
    assert last_completed_session(new_york(date(2026, 11, 29), 10)) == DAY_AFTER
    assert last_completed_session(new_york(date(2026, 11, 30), 9)) == DAY_AFTER


def test_m7_on_a_holiday_the_session_before_it_is_the_last():
    evening_of_martin_luther_king_day = new_york(date(2026, 1, 19), 18)
    assert last_completed_session(evening_of_martin_luther_king_day) == date(2026, 1, 16)
    assert previous_session(date(2026, 1, 20)) == date(2026, 1, 16)
    assert previous_session(date(2026, 2, 2)) == date(2026, 1, 30)


def test_the_settle_delay_counts_from_the_close():
    settle = timedelta(minutes=15)
    assert last_completed_session(new_york(DAY_AFTER, 13, 14), settle) == date(2026, 11, 25)
    assert last_completed_session(new_york(DAY_AFTER, 13, 15), settle) == DAY_AFTER
    # longer than a night: at 09:30 the previous session's bar has not settled either
    assert last_completed_session(new_york(DAY_AFTER, 9), timedelta(hours=72)) == date(2026, 11, 23)


def test_the_moment_may_be_in_any_zone():
    # 20:59 UTC is 15:59 in New York in winter
    assert last_completed_session(datetime(2026, 12, 1, 20, 59, tzinfo=UTC)) == date(2026, 11, 30)
    assert last_completed_session(datetime(2026, 12, 1, 21, 0, tzinfo=UTC)) == date(2026, 12, 1)
    # already the 2nd in UTC, still the evening of the 1st in New York
    assert last_completed_session(datetime(2026, 12, 2, 3, 0, tzinfo=UTC)) == date(2026, 12, 1)


def test_a_naive_moment_is_refused():
    with pytest.raises(SessionError, match="expected a datetime with a time zone, was the naive"):
        last_completed_session(datetime(2026, 12, 1, 21, 0))  # noqa: DTZ001


def test_a_datetime_is_no_session_date():
    with pytest.raises(SessionError, match="expected a session date"):
        is_session(datetime(2026, 12, 1, tzinfo=UTC))


def test_times_of_a_day_without_session_are_refused_with_its_neighbours():
    with pytest.raises(SessionError, match=r"was 2026-11-26 .*2026-11-25 and 2026-11-27"):
        session_close(THANKSGIVING)


def test_days_outside_the_calendar_are_refused():
    with pytest.raises(SessionError, match=r"from 1990-01-01 to .*, was 1985-06-03"):
        sessions_between(date(1985, 6, 3), date(2020, 1, 1))
    assert sessions_between(date(1990, 1, 1), date(1990, 1, 3)) == [
        date(1990, 1, 2),
        date(1990, 1, 3),
    ]
