"""The trading program in a simulated world: run, killed, run again.

A run is what the trading job does, or the evening's look at the account, with objects of its own: a
gateway, a desk, nothing kept from the run before. It ends in one of four ways: it is complete; it
is refused, with the reason (too early, too late, account blocked, broker not to be asked); the
program was killed; or the broker or the ledger failed it in a way that it reports. All but the
first are followed by another run, as an operator or the scheduler would start it. Any other end is
a mistake of the program.

After the last session of a scenario comes a calm one, unless everything is at its end already:
nothing goes wrong, people's switches are back, and the program must bring everything to its end and
leave nothing unexplained.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from unittest.mock import patch

from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from sqlalchemy.exc import OperationalError

from alchemiser_dagster.execution import phases, preparation, settlement
from alchemiser_dagster.execution.after_close import EVENING, reconcile_after_close
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gate import SessionRefused, check_gate
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.opening import open_session
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.execution.resolution import TooEarly
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.market.sessions import next_session, session_close
from tests.simulation.deaths import RESTARTS, Death
from tests.simulation.scenarios import Scenario, Target
from tests.simulation.world import Tally, Violation, World

WINDOW = timedelta(minutes=15)
COMPLETE = "complete"
MOST_RUNS = 8
"""A session is started again so often; then it is left to the next one."""
REPORTED = (BrokerError, TooEarly, OperationalError)
"""How a run may fail: the broker, or the ledger's file, did not do its part."""


class Trader:
    """Runs the trading program in `world`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._scenario = world.scenario
        self._chance = Random(f"{world.scenario.seed}:restarts")

    def trade_all(self) -> None:
        """All sessions of the scenario, and a calm one after them.

        Where every session came to its end there is a calm one in every fourth scenario.
        """
        sessions = list(self._scenario.market.sessions)
        ended = True
        for number, session in enumerate(sessions):
            self._world.begin_session(number)
            late = timedelta(seconds=self._scenario.lateness[number])
            ended &= self._trade_day(session, self._scenario.targets[number], late)
        self._world.calm_down()
        if not ended or self._scenario.seed % 4 == 0:
            calm = next_session(sessions[-1])
            self._world.say(f"=== calm session {calm}")
            if not self._trade_day(calm, self._scenario.targets[-1], timedelta(0)):
                raise Violation("expected the calm session to come to its end, and it did not")
            sessions.append(calm)
        self._check_nothing_moves([*sessions, next_session(sessions[-1])])

    def _trade_day(self, session: date, targets: Mapping[str, Target], late: timedelta) -> bool:
        """A session and its evening; whether both came to their end."""
        close = session_close(session)
        self._world.broker.advance_to(close - WINDOW + late)
        began = self._world.broker.now
        trade = partial(self._trade, session=session, targets=targets)
        complete = self._repeat(trade, began)
        if complete and self._scenario.calm:
            self._world.check_success(session)
        self._world.broker.advance_to(close + EVENING)
        complete = complete or self._repeat(lambda desk: self._trade(desk, session, targets), began)
        return complete and self._repeat(partial(self._look_again, session=session), began)

    def _trade(self, desk: Desk, session: date, targets: Mapping[str, Target]) -> None:
        trade_session(desk, self._scenario, session, targets)

    def _look_again(self, desk: Desk, session: date) -> None:
        reconcile_after_close(desk, session)

    def _repeat(self, job: Callable[[Desk], None], began: datetime) -> bool:
        """Run a job until it comes to its end, is killed for good, or has been run too often.

        All that happened before `began` must be posted when it ends.
        """
        for _ in range(MOST_RUNS):
            how, again_after = self._run(job)
            self._world.tally.runs[how] += 1
            self._world.say(f"    run ends: {how}")
            if how == COMPLETE:
                self._world.check_at_rest(began)
                return True
            if again_after is None:
                return False
            self._world.wait(again_after)
        return False

    def _check_nothing_moves(self, sessions: list[date]) -> None:
        """Running sessions of the past, and of the future, sends nothing."""
        before = self._world.transport.effects
        for session in sessions:
            self._run(partial(self._trade, session=session, targets=self._scenario.targets[-1]))
        if self._world.transport.effects != before:
            raise Violation("I7: running past sessions again sent something to the broker")

    def _run(self, job: Callable[[Desk], None]) -> tuple[str, int | None]:
        """One run of the program: how it ended, and seconds until the next, None for not today."""
        again_after = self._chance.choice(RESTARTS)
        try:
            job(self._desk())
        except Death as death:
            return "killed", death.restart_after
        except SessionRefused as refusal:
            self._world.say(f"    refused: {refusal}")
            return "refused", again_after
        except REPORTED as error:
            self._world.say(f"    {type(error).__name__}: {error}")
            return f"failed: {type(error).__name__}", again_after
        except Exception as error:
            raise Violation(f"the program died of {type(error).__name__}: {error}") from error
        return COMPLETE, None

    def _desk(self) -> Desk:
        world = self._world
        clients = (
            TradingClient(
                world.broker.api_key,
                world.broker.secret_key,
                paper=True,
                raw_data=True,
                url_override=world.broker.url,
            ),
            StockHistoricalDataClient(
                world.broker.api_key,
                world.broker.secret_key,
                raw_data=True,
                url_override=world.broker.url,
            ),
        )
        for client in clients:
            client._session.trust_env = False
            client._session.mount(world.broker.url, world.transport)
        trading, data = clients
        gateway = Gateway(trading, data, wait=world.wait, now=world.epoch)
        return Desk(gateway, world.ledger, "embedded")


def trade_session(
    desk: Desk, scenario: Scenario, session: date, targets: Mapping[str, Target]
) -> None:
    """One session as the trading job trades it; an exception says why it is not complete."""
    window = check_gate(desk, session)
    if window is None:
        return
    settlement.finish_earlier(desk, session)
    terms = {book: BookTerms(share) for book, share in scenario.allocations.items()}
    open_session(desk, window, terms, inception=scenario.market.inception)
    preparation.plan_session(desk, session, {b: wish_of(t) for b, t in targets.items()})
    phases.sell(desk, session)
    phases.size(desk, session, phases.confirm_cash(desk, session))
    phases.buy(desk, session)
    settlement.settle(desk, session)


def wish_of(target: Target) -> Wish:
    """A strategy's target as the planning takes it."""
    return Wish(dict(target.weights), target.scheduled, target.threshold, target.missing)


@contextmanager
def no_real_time() -> Iterator[None]:
    """Nothing may sleep: simulated time is the only time there is. The log is silent."""

    def refuse(seconds: float) -> None:
        raise AssertionError(f"expected no real sleep in a simulation, was {seconds} s")

    logging.disable(logging.CRITICAL)
    try:
        with patch("time.sleep", refuse):
            yield
    finally:
        logging.disable(logging.NOTSET)


def simulate(world: World) -> Tally:
    """Run the scenario of `world` to its end; raises Violation."""
    with no_real_time():
        Trader(world).trade_all()
    return world.finish()
