"""The market-calendar sensor against the embedded broker's clock, and the evening schedule."""

from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from alchemiser_dagster.commands.replay import embedded_broker
from alchemiser_dagster.embedded import ControlClient
from alchemiser_dagster.market.sessions import NEW_YORK
from tests.world import STEADY

from .conftest import Exchange, make_world

TUESDAY = date(2024, 1, 2)


def test_a_session_is_planned_when_it_opens_and_traded_in_its_window(exchange: Exchange) -> None:
    exchange.control.advance_to("next_open")
    assert exchange.requested() == ["plan_session:2024-01-02:0"]
    exchange.ended = [("plan_session", "2024-01-02", dg.DagsterRunStatus.SUCCESS)]
    exchange.at(TUESDAY, timedelta(minutes=15, seconds=1))
    assert "the window of 2024-01-02 opens at 15:45" in exchange.skipped()
    exchange.at(TUESDAY, timedelta(minutes=15))
    assert exchange.requested() == ["trade_session:2024-01-02:0"]


def test_a_session_is_not_traded_before_its_plan_is_made(exchange: Exchange) -> None:
    """Switched on inside the window, the sensor must not trade beside the planning."""
    exchange.at(TUESDAY, timedelta(minutes=14))
    assert exchange.requested() == ["plan_session:2024-01-02:0"]
    exchange.ended = [("plan_session", "2024-01-02", dg.DagsterRunStatus.STARTED)]
    assert exchange.requested() == ["plan_session:2024-01-02:0"]
    # a run of plans fails when a single book has none; the others are traded
    exchange.ended = [("plan_session", "2024-01-02", dg.DagsterRunStatus.FAILURE)]
    assert exchange.requested() == ["trade_session:2024-01-02:0"]


def test_a_second_tick_asks_with_the_same_key(exchange: Exchange) -> None:
    exchange.ended = [("plan_session", "2024-01-02", dg.DagsterRunStatus.SUCCESS)]
    exchange.at(TUESDAY, timedelta(minutes=14))
    assert exchange.requested() == exchange.requested()


def test_a_trading_run_that_failed_is_tried_again_a_few_times(exchange: Exchange) -> None:
    exchange.at(TUESDAY, timedelta(minutes=14))
    exchange.ended = [("plan_session", "2024-01-02", dg.DagsterRunStatus.SUCCESS)]
    for attempt in range(3):
        assert exchange.requested() == [f"trade_session:2024-01-02:{attempt}"]
        exchange.ended.append(("trade_session", "2024-01-02", dg.DagsterRunStatus.FAILURE))
    assert exchange.skipped() == (
        "trade_session of 2024-01-02 has failed 3 times; somebody should look"
    )


def test_an_evening_that_was_slept_through_is_made_up_for(exchange: Exchange) -> None:
    exchange.world.records.tables.files.delete("daily_bars/2023-12-29.json")
    exchange.control.advance_to("next_open")
    assert exchange.requested() == ["evening:2023-12-29:0"]
    exchange.ended = [("evening", "2023-12-29", dg.DagsterRunStatus.FAILURE)] * 3
    assert exchange.requested() == ["plan_session:2024-01-02:0"]


def test_a_window_that_was_slept_through_is_not_caught_up(exchange: Exchange) -> None:
    exchange.ended = [("plan_session", "2024-01-02", dg.DagsterRunStatus.SUCCESS)]
    exchange.at(TUESDAY, timedelta(seconds=59))
    assert "the window of 2024-01-02 has closed" in exchange.skipped()
    exchange.at(TUESDAY, timedelta(minutes=-30))
    assert "the window of 2024-01-02 has closed" in exchange.skipped()


def test_holidays_and_weekends_are_skipped_by_name(exchange: Exchange) -> None:
    assert "2024-01-01" not in exchange.skipped()  # the clock still stands on Friday evening
    exchange.control.advance_to(datetime(2024, 1, 1, 15, 50, tzinfo=NEW_YORK))
    assert exchange.skipped().startswith("2024-01-01 is no session")
    exchange.control.advance_to(datetime(2024, 1, 6, 15, 50, tzinfo=NEW_YORK))
    assert exchange.skipped().startswith("2024-01-06 is no session")


def test_the_first_evening_is_not_traded(tmp_path: Path) -> None:
    world = make_world(tmp_path, {"steady": (STEADY, "1")})
    with embedded_broker(world.home, world.facts, world.strategies) as broker:
        skipped = Exchange(world, broker.control()).skipped()
    assert skipped == "2023-12-29 is the account's first evening; it trades after it"


def test_without_a_broker_the_sensor_says_so(tmp_path: Path) -> None:
    world = make_world(tmp_path, {"steady": (STEADY, "1")})
    exchange = Exchange(world, ControlClient("http://127.0.0.1:9", "none"))
    assert "no embedded broker is running" in exchange.skipped()


@pytest.mark.parametrize(
    ("evening", "requests"),
    [("2024-01-02", "2024-01-02"), ("2024-01-15", None), ("2024-02-29", "2024-02-29")],
)
def test_the_evening_schedule_knows_holidays(
    tmp_path: Path, evening: str, requests: str | None
) -> None:
    world = make_world(tmp_path, {"steady": (STEADY, "1")})
    schedule = world.definitions().resolve_schedule_def("evening")
    at = datetime.fromisoformat(f"{evening}T17:30").replace(tzinfo=NEW_YORK)
    with dg.DagsterInstance.ephemeral() as instance:
        ticked = schedule(dg.build_schedule_context(instance, scheduled_execution_time=at))
    if requests is None:
        assert isinstance(ticked, dg.SkipReason)
    else:
        assert isinstance(ticked, dg.RunRequest)
        assert ticked.partition_key == requests


def test_nothing_is_switched_on_by_itself(tmp_path: Path) -> None:
    definitions = make_world(tmp_path, {"steady": (STEADY, "1")}).definitions()
    for sensor in definitions.sensors or []:
        assert sensor.default_status is dg.DefaultSensorStatus.STOPPED  # type: ignore[union-attr]
    for schedule in definitions.schedules or []:
        assert (
            schedule.default_status is dg.DefaultScheduleStatus.STOPPED  # type: ignore[union-attr]
        )


def test_a_traded_session_sets_the_after_close_chain_off(tmp_path: Path) -> None:
    """Once `trading_session` of the day is there, fills follow, and what hangs on them."""
    world = make_world(tmp_path, {"steady": (STEADY, "1")})
    definitions = world.definitions()
    afternoon = datetime(2024, 1, 2, 15, 58, tzinfo=NEW_YORK)
    with dg.DagsterInstance.ephemeral() as instance:
        before = dg.evaluate_automation_conditions(definitions, instance, evaluation_time=afternoon)
        assert before.total_requested == 0
        instance.report_runless_asset_event(
            dg.AssetMaterialization("trading_session", partition="2024-01-02")
        )
        after = dg.evaluate_automation_conditions(
            definitions,
            instance,
            cursor=before.cursor,
            evaluation_time=afternoon + timedelta(minutes=5),
        )
    for key in (["fills", "steady"], ["lots", "steady"], ["account"]):
        asked = after.get_requested_partitions(dg.AssetKey(key))
        assert asked == {"2024-01-02"}, key
    # the performance waits for the closes, which come in the evening
    assert after.get_requested_partitions(dg.AssetKey(["performance", "steady"])) == set()
