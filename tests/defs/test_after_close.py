"""After the close: the watchdog of sessions without an end, and the evening's comparison."""

import fcntl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest
from sqlalchemy import func, insert, select

from alchemiser_dagster.defs.resources import TradingDesk
from alchemiser_dagster.defs.trading import is_announced
from alchemiser_dagster.execution import opening, phases, preparation
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.opening import read_account
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.execution.reconciliation import compare
from alchemiser_dagster.ledger.queries import book_cash, outcomes, positions, the_session
from alchemiser_dagster.ledger.schema import cash_entries, orders
from alchemiser_dagster.market.sessions import NEW_YORK

from .conftest import INCEPTION, Exchange, write_plan

TUESDAY, WEDNESDAY = date(2024, 1, 2), date(2024, 1, 3)


class Killed(BaseException):
    """The trading process ends here."""


@dataclass
class Evening(Exchange):
    """The exchange, with one Dagster for the whole day, in which requested runs are really made.

    `made` is the run that was made last.
    """

    made: dg.ExecuteInProcessResult = field(init=False)

    def desk(self) -> Desk:
        return TradingDesk(records=self.world.records).desk()

    def run(self, request: dg.RunRequest) -> bool:
        """Make a requested run; whether it succeeded."""
        assert self.instance is not None
        job = self.world.definitions().resolve_job_def(request.job_name or "")
        self.made = job.execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            tags=dict(request.tags),
            raise_on_error=False,
        )
        return self.made.success

    def failure(self) -> str:
        """Why the run that was made last failed."""
        (event,) = [event for event in self.made.all_events if event.is_step_failure]
        assert event.step_failure_data.user_failure_data is not None
        return event.step_failure_data.user_failure_data.description or ""

    def trade(self) -> None:
        """A session as it should be."""
        self.at(TUESDAY, timedelta(minutes=15))
        write_plan(self.world.records, TUESDAY, "steady", SPY="0.5", TLT="0.5")
        assert self.run(dg.RunRequest(job_name="trade_session", partition_key=str(TUESDAY)))

    def fail(self, tags: Mapping[str, str]) -> None:
        """A run of the trading job has failed."""
        assert self.instance is not None
        self.instance.create_run_for_job(
            self.world.definitions().resolve_job_def("trade_session"),
            status=dg.DagsterRunStatus.FAILURE,
            tags={"dagster/partition": str(TUESDAY), **tags},
        )

    def after_close(self, **time: int) -> None:
        self.at(TUESDAY, -timedelta(**time))

    def begin(self) -> None:
        """A process opens the session, and dies."""
        self.at(TUESDAY, timedelta(minutes=15))
        desk = self.desk()
        window = check_gate(desk, TUESDAY)
        assert window is not None
        opening.open_session(desk, window, self.world.records.terms(), inception=INCEPTION)

    def begin_and_send(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process dies after its first order was accepted, and before it knows that."""
        self.begin()
        desk = self.desk()
        wish = Wish({"SPY": Decimal("0.5"), "TLT": Decimal("0.5")})
        preparation.plan_session(desk, TUESDAY, {"steady": wish})
        phases.sell(desk, TUESDAY)
        phases.size(desk, TUESDAY, phases.confirm_cash(desk, TUESDAY))
        submit = Gateway.submit

        def submit_and_die(gateway: Gateway, **order: object) -> None:
            submit(gateway, **order)  # type: ignore[arg-type]
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Gateway, "submit", submit_and_die)
            with pytest.raises(Killed):
                phases.buy(desk, TUESDAY)

    def books(self) -> dict[str, tuple[str, str]]:
        """State and reason of each book."""
        with self.world.ledger.read() as connection:
            return {row.book: (row.state, row.reason) for row in outcomes(connection, TUESDAY)}

    def state(self) -> str:
        with self.world.ledger.read() as connection:
            row = the_session(connection, TUESDAY)
        assert row is not None
        return str(row.outcome or row.state)

    def orders(self) -> int:
        with self.world.ledger.read() as connection:
            return connection.execute(select(func.count()).select_from(orders)).scalar_one()

    def agrees(self) -> bool:
        """Whether books and broker agree, to the share and the cent."""
        desk = self.desk()
        snapshot, _ = read_account(desk)
        with desk.ledger.read() as connection:
            return not compare(book_cash(connection), positions(connection), snapshot)


@pytest.fixture
def evening(exchange: Exchange) -> Iterator[Evening]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Evening(exchange.world, exchange.control, instance=instance)


def test_an_interrupted_session_is_brought_to_its_end(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R05. What the order filled is posted; nothing is sent any more."""
    evening.begin_and_send(monkeypatch)
    evening.after_close(minutes=9, seconds=59)
    assert "the window of 2024-01-02 has closed" in evening.skipped()
    evening.after_close(minutes=10)
    (request,) = evening.requests()
    assert (request.run_key, request.job_name) == ("watchdog:2024-01-02:0", "trade_session")
    assert evening.run(request)
    assert evening.books() == {
        "steady": ("partial", "buy SPY: too close to the end of the session")
    }
    assert (evening.state(), evening.orders()) == ("failure", 1)
    with evening.world.ledger.read() as connection:
        assert positions(connection)["steady"].keys() == {"TLT"}
    assert evening.agrees()
    assert evening.instance is not None
    assert is_announced(evening.instance, TUESDAY)
    assert "the window of 2024-01-02 has closed" in evening.skipped()


def test_books_that_were_never_planned_end_as_timed_out(evening: Evening) -> None:
    """R05."""
    evening.begin()
    evening.after_close(minutes=10)
    (request,) = evening.requests()
    assert evening.run(request)
    assert evening.books() == {"steady": ("timed_out", "it was not planned in time")}
    assert (evening.state(), evening.orders()) == ("failure", 0)


def test_a_session_that_never_began_is_left_alone(evening: Evening) -> None:
    evening.after_close(minutes=40)
    assert "the window of 2024-01-02 has closed" in evening.skipped()


def test_while_another_process_trades_the_watchdog_waits(evening: Evening) -> None:
    evening.begin()
    evening.after_close(minutes=10)
    (request,) = evening.requests()
    with evening.world.home.lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert evening.skipped().startswith("another process is trading")
        assert evening.run(request)  # requested just before: it ends cleanly
        assert evening.state() == "open"
    (again,) = evening.requests()
    assert again.run_key == "watchdog:2024-01-02:1"
    assert evening.run(again)
    assert evening.state() == "failure"


def test_the_watchdog_has_attempts_of_its_own_and_gives_up(evening: Evening) -> None:
    """Three runs in the window failed, and three of the watchdog: the next day is not held up."""
    evening.begin()
    for _ in range(3):
        evening.fail({})
    evening.after_close(minutes=10)
    for attempt in range(3):
        (request,) = evening.requests()
        assert request.run_key == f"watchdog:2024-01-02:{attempt}"
        evening.fail(request.tags)
    assert evening.skipped() == "watchdog of 2024-01-02 has failed 3 times; somebody should look"
    evening.control.advance_to("next_open")
    (request,) = evening.requests()
    assert request.job_name == "evening"  # the bars of 2024-01-02 are not there


def test_a_session_of_which_dagster_was_not_told_is_announced(evening: Evening) -> None:
    """A process was killed between its last word in the ledger and its last word to Dagster."""
    evening.begin()
    evening.after_close(minutes=10)
    (request,) = evening.requests()
    assert evening.run(request)
    with dg.DagsterInstance.ephemeral() as forgetful:
        evening.instance = forgetful
        (again,) = evening.requests()
        assert again.run_key == "watchdog:2024-01-02:0"
        assert evening.run(again)
        assert is_announced(forgetful, TUESDAY)
        assert "has closed" in evening.skipped()


def test_a_session_that_the_next_one_had_to_finish_is_announced_as_well(evening: Evening) -> None:
    """The sensor was off in the evening, so there was no watchdog."""
    evening.begin()
    evening.at(WEDNESDAY, timedelta(minutes=15))
    write_plan(evening.world.records, WEDNESDAY, "steady", SPY="0.5", TLT="0.5")
    assert evening.run(dg.RunRequest(job_name="trade_session", partition_key=str(WEDNESDAY)))
    assert evening.books() == {"steady": ("timed_out", "it was not planned in time")}
    assert evening.instance is not None
    assert is_announced(evening.instance, TUESDAY)
    assert is_announced(evening.instance, WEDNESDAY)


def test_the_books_are_compared_once_in_the_evening(evening: Evening) -> None:
    evening.trade()
    evening.after_close(minutes=29, seconds=59)
    assert "the window of 2024-01-02 has closed" in evening.skipped()
    evening.after_close(minutes=30)
    (request,) = evening.requests()
    assert request.run_key == "reconcile_after_close:2024-01-02:0"
    sent = evening.orders()
    assert evening.run(request)
    assert evening.orders() == sent
    assert "the window of 2024-01-02 has closed" in evening.skipped()


def test_an_evening_that_was_slept_through_is_compared_before_the_next_session(
    evening: Evening,
) -> None:
    evening.trade()
    evening.control.advance_to(datetime(2024, 1, 3, 9, 0, tzinfo=NEW_YORK))
    assert evening.requested() == ["reconcile_after_close:2024-01-02:0"]


def test_what_breaks_in_the_evening_fails_the_run_once(evening: Evening) -> None:
    evening.trade()
    with evening.world.ledger.write() as connection:
        connection.execute(
            insert(cash_entries).values(
                book="steady", session=TUESDAY, kind="fee", source_id="F1",
                amount=Decimal("-100.00"), at=datetime(2024, 1, 2, 16, 5, tzinfo=NEW_YORK),
            )
        )  # fmt: skip
    evening.after_close(minutes=30)
    (request,) = evening.requests()
    assert not evening.run(request)
    assert "difference +100.00): unexplained" in evening.failure()
    assert "the window of 2024-01-02 has closed" in evening.skipped()  # nobody asks again


def test_while_another_process_trades_nothing_is_compared(evening: Evening) -> None:
    evening.trade()
    evening.after_close(minutes=30)
    (request,) = evening.requests()
    with evening.world.home.lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert evening.run(request)
        assert evening.skipped().startswith("another process is trading")
    assert evening.requested() == ["reconcile_after_close:2024-01-02:1"]


def test_only_the_last_session_is_compared_and_only_after_its_close(evening: Evening) -> None:
    evening.trade()
    early = dg.RunRequest(job_name="reconcile_after_close", partition_key="2024-01-02")
    assert not evening.run(early)
    assert "expected the market closed after 2024-01-02, was 15:4" in evening.failure()
    evening.after_close(minutes=30)
    other = dg.RunRequest(job_name="reconcile_after_close", partition_key="2024-01-03")
    assert not evening.run(other)
    assert "expected 2024-01-03 to be the last session, complete, was 2024-01-02" in (
        evening.failure()
    )
