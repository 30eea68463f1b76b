from datetime import date, datetime

import dagster as dg
import pytest
from dagster._time import get_timezone

from alchemiser_dagster.defs.partitions import previous_session, session_partitions
from alchemiser_dagster.market.sessions import next_session, sessions_between

SESSIONS = session_partitions(date(2023, 12, 29))


def keys_at(moment: str) -> list[str]:
    at = datetime.fromisoformat(moment).replace(tzinfo=get_timezone("America/New_York"))
    return SESSIONS.get_partition_keys(current_time=at)


def test_partitions_are_the_nyse_sessions_from_inception() -> None:
    keys = keys_at("2026-11-20T12:00")
    expected = sessions_between(date(2023, 12, 29), date(2026, 11, 20))
    assert keys == [session.isoformat() for session in expected]


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        ("2026-11-20T00:01", "2026-11-20"),  # today's key is there all day
        ("2026-11-20T15:50", "2026-11-20"),
        ("2026-11-21T12:00", "2026-11-20"),  # Saturday
        ("2026-11-27T12:50", "2026-11-27"),  # an early close
    ],
)
def test_the_last_partition_is_the_running_session(moment: str, last: str) -> None:
    assert keys_at(moment)[-1] == last


def test_a_plan_is_made_from_the_session_before() -> None:
    for session in ("2025-11-28", "2024-07-05", "2024-01-02"):
        mapped = previous_session.get_upstream_mapped_partitions_result_for_partitions(
            SESSIONS.subset_with_partition_keys([session]), SESSIONS, SESSIONS
        )
        (before,) = mapped.partitions_subset.get_partition_keys()
        assert next_session(date.fromisoformat(before)).isoformat() == session


def test_thanksgiving_is_no_session() -> None:
    assert "2025-11-27" not in keys_at("2026-01-05T12:00")
    assert isinstance(SESSIONS, dg.TimeWindowPartitionsDefinition)
