"""The calendar against a broker whose own is another, and what that does to the day's trading."""

from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg

from alchemiser_dagster.commands.replay import QUIET
from alchemiser_dagster.defs.resources import TradingDesk
from alchemiser_dagster.execution.broker_calendar import calendar_disagreements
from alchemiser_dagster.market.sessions import NEW_YORK
from tests.world import STEADY, write_strategies

from .conftest import Exchange

TUESDAY = date(2024, 1, 2)
CALENDAR = {"method": "GET", "path": "/v2/calendar"}


def early(exchange: Exchange) -> None:
    """From now on the broker says that every session ends at 13:00."""
    exchange.control.add_fault(
        action="set_field", field="close", value="13:00", stage="after_commit", match=CALENDAR
    )


def closed(exchange: Exchange) -> None:
    """From now on the broker's calendar has no 2024-01-02."""
    exchange.control.add_fault(
        action="drop_item",
        field="date",
        value="2024-01-02",
        stage="after_commit",
        match=CALENDAR,
    )


def watch(exchange: Exchange) -> dg.RunRequest | dg.SkipReason:
    records = exchange.world.records
    sensor = exchange.world.definitions().resolve_sensor_def("calendar_watch")
    resources = {"trading": TradingDesk(records=records)}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, resources=resources) as context,
    ):
        return sensor(context)  # type: ignore[return-value]


def calendar_check(exchange: Exchange) -> dg.AssetCheckEvaluation:
    job = exchange.world.definitions().resolve_job_def("compare_calendars")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, run_config=QUIET)
    (check,) = result.get_asset_check_evaluations()
    return check


def test_the_brokers_calendar_is_ours(exchange: Exchange) -> None:
    assert calendar_check(exchange).passed
    skipped = watch(exchange)
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "the broker's calendar is ours"


def test_an_early_close_that_only_the_broker_knows_moves_the_trading_window(
    exchange: Exchange,
) -> None:
    early(exchange)
    exchange.ended = [("plan_session", "2024-01-02", dg.DagsterRunStatus.SUCCESS)]
    exchange.control.advance_to(datetime(2024, 1, 2, 12, 44, 59, tzinfo=NEW_YORK))
    assert "the window of 2024-01-02 opens at 12:45" in exchange.skipped()
    exchange.control.advance_to(datetime(2024, 1, 2, 12, 45, tzinfo=NEW_YORK))
    assert exchange.requested() == ["trade_session:2024-01-02:0"]
    request = watch(exchange)
    assert isinstance(request, dg.RunRequest)
    assert (
        "2024-01-02: closes at 16:00, the broker says 13:00" in request.tags["alchemiser/calendar"]
    )
    check = calendar_check(exchange)
    assert not check.passed
    assert check.metadata["found"].value == 22  # the sessions of 30 days, each of them early


def test_a_closure_that_only_the_broker_knows_takes_the_trading_away(exchange: Exchange) -> None:
    exchange.control.advance_to("next_open")
    closed(exchange)
    assert exchange.skipped().startswith("2024-01-02 is no session")
    desk = TradingDesk(records=exchange.world.records).desk()
    assert calendar_disagreements(desk) == [
        "2024-01-02: a session, but the broker says the exchange is closed"
    ]
    same = {watch(exchange).run_key for _ in range(2)}  # type: ignore[union-attr]
    assert len(same) == 1  # told once, however often it is seen


def test_a_closure_written_down_is_no_partition_and_no_gap(exchange: Exchange) -> None:
    strategies = exchange.world.strategies
    (strategies / "calendar.toml").write_text('[closed]\n2024-01-02 = "storm"\n', encoding="utf-8")
    definitions = exchange.world.definitions()
    plan = definitions.resolve_assets_def(["plan", "steady"]).partitions_def
    assert plan is not None
    keys = plan.get_partition_keys(current_time=datetime(2024, 1, 4, tzinfo=NEW_YORK))
    assert keys[:2] == ["2024-01-03", "2024-01-04"]
    (strategies / "calendar.toml").unlink()
    exchange.world.definitions()


class Folder:
    """The sensor of strategy files, tick after tick."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.cursor: str | None = None

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        sensor = self.exchange.world.definitions().resolve_sensor_def("strategy_files")
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(
                instance=instance,
                cursor=self.cursor,
                resources={"records": self.exchange.world.records},
            ) as context,
        ):
            ticked = sensor(context)
        assert isinstance(ticked, dg.SensorResult | dg.SkipReason)
        if isinstance(ticked, dg.SensorResult):
            self.cursor = ticked.cursor
        return ticked

    def says(self) -> str:
        ticked = self.tick()
        reason = ticked.skip_reason if isinstance(ticked, dg.SensorResult) else ticked
        assert reason is not None
        return reason.skip_message or ""


def test_a_strategy_file_that_changes_brings_the_bars_of_its_new_symbols(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = Folder(exchange)
    assert folder.says() == "2 files known from now on"
    assert folder.says() == "no file has changed"
    write_strategies(tmp_path, {"steady": (STEADY.replace('"TLT"', '"XLE"'), "1")})
    ticked = folder.tick()
    assert isinstance(ticked, dg.SensorResult)
    (request,) = ticked.run_requests or []
    assert request.partition_key == "2023-12-29"
    assert request.tags["alchemiser/new_symbols"] == "XLE"
    assert folder.says() == "no file has changed"


def test_a_file_that_comes_or_goes_is_named(exchange: Exchange) -> None:
    folder = Folder(exchange)
    folder.tick()
    extra = exchange.world.strategies / "gold.clj"
    extra.write_text(STEADY, encoding="utf-8")
    assert folder.says() == "gold.clj is new; bars of every symbol are there"
    extra.unlink()
    assert folder.says() == "gold.clj is gone; bars of every symbol are there"


def test_strategies_that_cannot_be_used_are_looked_at_again(exchange: Exchange) -> None:
    folder = Folder(exchange)
    folder.tick()
    books = exchange.world.strategies / "books.toml"
    sound = books.read_text(encoding="utf-8")
    books.write_text("[books.steady]\nallocation = 1.5\n", encoding="utf-8")
    # the definitions cannot be loaded either, so the sensor of the loaded ones is asked
    records = exchange.world.records
    books_now = books.read_text(encoding="utf-8")
    books.write_text(sound, encoding="utf-8")
    sensor = exchange.world.definitions().resolve_sensor_def("strategy_files")
    books.write_text(books_now, encoding="utf-8")
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance=instance, cursor=folder.cursor, resources={"records": records}
        ) as context,
    ):
        ticked = sensor(context)
    assert isinstance(ticked, dg.SkipReason)
    assert "books.toml has changed; but the strategies cannot be used" in (
        ticked.skip_message or ""
    )


def due(exchange: Exchange) -> dg.AssetCheckEvaluation:
    job = exchange.world.definitions().resolve_job_def("bars_due")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, run_config=QUIET)
    (check,) = result.get_asset_check_evaluations()
    return check


def test_m79_freshness_is_judged_by_session(exchange: Exchange) -> None:
    """Friday's bars are there: fresh all weekend and through Tuesday's session, then not."""
    assert due(exchange).passed
    exchange.at(TUESDAY, timedelta(minutes=15))
    assert due(exchange).passed
    exchange.at(TUESDAY, timedelta(hours=-1, minutes=-59))
    assert due(exchange).passed
    exchange.at(TUESDAY, timedelta(hours=-2))
    late = due(exchange)
    assert not late.passed
    assert late.metadata["late"].value == "there is no snapshot of 2024-01-02"
