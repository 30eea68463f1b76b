"""The job `trade_session` as Dagster runs it: its fan-outs, its failures, its shared resources."""

import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from alchemiser_dagster.commands.replay import dagster_instance, embedded_broker
from alchemiser_dagster.definitions import build_definitions
from alchemiser_dagster.defs.resources import TradingDesk
from alchemiser_dagster.embedded import ControlClient
from alchemiser_dagster.execution import orders, preparation
from alchemiser_dagster.execution.desk import WINDOW, Desk
from alchemiser_dagster.execution.opening import read_account
from alchemiser_dagster.execution.reconciliation import compare
from alchemiser_dagster.ledger.block_records import update_order
from alchemiser_dagster.ledger.queries import book_cash, outcomes, positions, the_session
from alchemiser_dagster.market.sessions import session_close
from alchemiser_dagster.settings import Home
from tests.world import MOMENTUM, STEADY

from .conftest import World, make_world, write_plan

TUESDAY, WEDNESDAY = date(2024, 1, 2), date(2024, 1, 3)


def trade_session(home: str, strategies: str) -> dg.JobDefinition:
    """The trading job of an account, as Dagster makes it anew for a run."""
    return build_definitions(Home(Path(home)), strategies).resolve_job_def("trade_session")


@dataclass
class TradingFloors:
    """An account with books a and b, and a Dagster that keeps what steps hand on in files."""

    world: World
    control: ControlClient
    instance: dg.DagsterInstance

    def open_window(self, session: date) -> None:
        self.control.advance_to(session_close(session) - WINDOW)

    def plan(self, session: date, **books: dict[str, str]) -> None:
        for book, weights in books.items():
            write_plan(self.world.records, session, book, **weights)

    def run(self, session: date, again: str | None = None) -> dg.JobExecutionResult:
        """A run of the job; with `again` from the failure of the run of that id."""
        where = (str(self.world.home.path), str(self.world.strategies))
        return dg.execute_job(
            dg.build_reconstructable_job(__name__, "trade_session", where),  # type: ignore[arg-type]
            self.instance,
            tags={"dagster/partition": session.isoformat()},
            reexecution_options=None
            if again is None
            else dg.ReexecutionOptions.from_failure(again, self.instance),
        )

    @property
    def desk(self) -> Desk:
        return TradingDesk(records=self.world.records).desk()

    def sent(self) -> list[str]:
        """The orders that the broker has."""
        return list(self.desk.gateway.orders_since(session_close(TUESDAY) - timedelta(hours=8)))

    def agrees(self) -> bool:
        desk = self.desk
        snapshot, _ = read_account(desk)
        with desk.ledger.read() as connection:
            return not compare(book_cash(connection), positions(connection), snapshot)

    def outcome(self, session: date) -> str:
        with self.world.ledger.read() as connection:
            row = the_session(connection, session)
        assert row is not None
        return str(row.outcome or row.state)


@pytest.fixture
def floors(tmp_path: Path) -> Iterator[TradingFloors]:
    world = make_world(tmp_path, {"a": (STEADY, "0.6"), "b": (MOMENTUM, "0.4")})
    with (
        embedded_broker(world.home, world.facts, world.strategies) as broker,
        dagster_instance(world.home) as instance,
    ):
        floors = TradingFloors(world, broker.control(), instance)
        floors.open_window(TUESDAY)
        floors.plan(TUESDAY, a={"SPY": "0.5", "TLT": "0.5"}, b={"GLD": "1"})
        yield floors


def steps(result: dg.JobExecutionResult) -> list[str]:
    """The steps that succeeded."""
    return [event.step_key or "" for event in result.all_events if event.is_step_success]


def why_failed(result: dg.JobExecutionResult) -> dict[str, str]:
    """What each failed step said."""
    said = {}
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            causes = [error, error.cause if error else None]
            said[event.step_key or ""] = " ".join(cause.message for cause in causes if cause)
    return said


def test_there_is_a_step_a_block_and_none_where_there_are_no_blocks(floors: TradingFloors) -> None:
    bought = floors.run(TUESDAY)
    assert sorted(step for step in steps(bought) if "work" in step) == [
        "work_purchase[2024_01_02_GLD_2]",
        "work_purchase[2024_01_02_SPY_2]",
        "work_purchase[2024_01_02_TLT_2]",
    ]
    floors.open_window(WEDNESDAY)
    floors.plan(WEDNESDAY, a={"SPY": "0.2", "TLT": "0.2"}, b={"GLD": "0.2"})
    sold = floors.run(WEDNESDAY)
    assert sorted(step for step in steps(sold) if "work" in step) == [
        "work_sale[2024_01_03_GLD_1]",
        "work_sale[2024_01_03_SPY_1]",
        "work_sale[2024_01_03_TLT_1]",
    ]
    assert floors.outcome(TUESDAY) == floors.outcome(WEDNESDAY) == "success"


def test_a_session_without_anything_to_trade_comes_to_its_end(floors: TradingFloors) -> None:
    floors.world.records.tables.files.delete(f"plan/a/{TUESDAY}.parquet")
    floors.world.records.tables.files.delete(f"plan/b/{TUESDAY}.parquet")
    result = floors.run(TUESDAY)
    assert result.success
    assert [step for step in steps(result) if "work" in step] == []
    with floors.world.ledger.read() as connection:
        assert {row.state for row in outcomes(connection, TUESDAY)} == {"failed"}


def test_after_a_step_that_failed_the_others_send_nothing(
    floors: TradingFloors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first order is at the broker, and what was to be written about it is not written."""

    def disk_full(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(orders, "update_order", update_order)
        raise OSError("no space left on device")

    monkeypatch.setattr(orders, "update_order", disk_full)
    failed = floors.run(TUESDAY)
    assert len(floors.sent()) == 1
    said = list(why_failed(failed).values())
    assert len(said) == 3
    assert "no space left on device" in said[0]
    assert all("whose steps have not failed: run the job as a whole" in other for other in said[1:])
    assert floors.outcome(TUESDAY) == "sized"

    from_failure = floors.run(TUESDAY, again=failed.run_id)
    assert not from_failure.success
    assert len(floors.sent()) == 1

    whole = floors.run(TUESDAY)
    assert whole.success
    assert floors.outcome(TUESDAY) == "success"
    assert floors.agrees()


def test_a_run_from_failure_does_not_trade_beside_another_process(
    floors: TradingFloors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not come through the gate, where the lock is taken."""
    with monkeypatch.context() as patch:
        patch.setattr(preparation, "plan_session", lambda *_: 1 / 0)
        failed = floors.run(TUESDAY)
    with floors.world.home.lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        beside = floors.run(TUESDAY, again=failed.run_id)
        assert "was another process trading" in why_failed(beside)["sales"]
        assert floors.sent() == []
    assert floors.run(TUESDAY, again=failed.run_id).success
    assert floors.outcome(TUESDAY) == "success"
