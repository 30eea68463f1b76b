"""The world of one simulation: broker, ledger and clock, and the eye on every boundary.

    program ──► WatchedTransport ──► InProcessBroker ──► Witness ─┐
       │                                                          ├─► Checker
       └──────► WatchedLedger ──────────────────────────► Tables ─┘

At every boundary the world does what the scenario has planned for it (an incident, the program's
death) and checks the invariants; a violation ends the simulation there and then.
"""

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.exc import OperationalError

from alchemiser_dagster.embedded import InProcessBroker
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import NEW_YORK, session_close
from tests.simulation.boundaries import LATENCY, WatchedLedger, WatchedTransport
from tests.simulation.deaths import Boundary, Death, PlannedDeath
from tests.simulation.incidents import Incident, IncidentKind
from tests.simulation.invariants.checker import Checker
from tests.simulation.other_people import OtherPeople
from tests.simulation.scenarios import Scenario
from tests.simulation.tables import Tables
from tests.simulation.witness import Accepted, Witness

MEMORY = Path("/dev/shm")
"""Where a file is in memory, on Linux: a ledger there is a real one, and fast."""
LOCKED_SECONDS = 30
"""So long a writer waits for the ledger's file before it gives up."""
MOST_BOUNDARIES = 20_000
"""A run that passes more does not end."""
CLOCK_TOLERANCE = timedelta(seconds=5)
"""How wrong a clock may be before the program must notice."""


class Violation(BaseException):
    """An invariant does not hold, or the program died of a mistake of its own."""


@dataclass
class Tally:
    """What happened in a simulation, by kind."""

    faults: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    incidents: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Add what happened in another simulation."""
        for name in self.__dataclass_fields__:
            getattr(self, name).update(getattr(other, name))


@functools.cache
def _new_ledger() -> bytes:
    """The file of a ledger in which nothing has happened; making one takes longer than copying."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.at(path).close()
        return path.read_bytes()


class World:
    """The world of `scenario`. `tell` hears every step, for whoever wants to read the story."""

    def __init__(self, scenario: Scenario, tell: Callable[[str], None] | None = None) -> None:
        self.scenario = scenario
        self.tally = Tally()
        self._tell = tell
        self.broker = InProcessBroker(
            scenario.market.bars,
            opened_at=session_close(scenario.market.inception) + timedelta(hours=1),
            opening_cash=scenario.opening_cash,
            seed=scenario.seed,
            profile=scenario.profile,
            rate_limit=scenario.rate_limit,
            faults=scenario.faults,
        )
        self._folder = TemporaryDirectory(
            prefix="simulation-", dir=MEMORY if MEMORY.is_dir() else None
        )
        path = Path(self._folder.name) / "ledger.db"
        path.write_bytes(_new_ledger())
        self.ledger = WatchedLedger(path, self.visit)
        self.transport = WatchedTransport(self.broker.adapter, self.visit, self.broker.advance)
        self.witness = Witness(self.broker.brokerage, self._on_order)
        skewed = any(rule["action"] == "clock_skew" for rule in scenario.faults)
        tolerance = CLOCK_TOLERANCE if skewed else timedelta(0)
        self.tables = Tables(path)
        self.checker = Checker(self.tables, self.witness, tolerance)
        self.session = -1
        self._passed: Counter[Boundary] = Counter()
        self._boundaries = 0
        self._deaths: list[PlannedDeath] = []
        self._incidents: list[Incident] = []
        self._others = OtherPeople(self.broker, path)
        self._others.list_assets(scenario.market.symbols, scenario.whole_shares)
        for line in scenario.describe():
            self.say(line)

    # --- time ------------------------------------------------------------------------------------

    def begin_session(self, number: int) -> None:
        """Let the session's morning come, with its incidents, and set up what is to go wrong."""
        session = self.scenario.market.sessions[number]
        self.session, self._boundaries, self._passed = number, 0, Counter()
        self.tally.facts["sessions"] += 1
        morning = session_close(session) - timedelta(hours=3)
        self.broker.advance_to(morning)
        self.say(f"=== session {session}, close at {session_close(session):%H:%M}")
        self._deaths = [death for death in self.scenario.deaths if death.session == number]
        self._incidents = sorted(
            (incident for incident in self.scenario.incidents if incident.session == number),
            key=lambda incident: incident.boundary,
        )
        if self._account_is_open():
            for incident in [i for i in self._incidents if i.boundary == 0]:
                self._incidents.remove(incident)
                self._happen(incident)

    def wait(self, seconds: float) -> None:
        """The program waits: simulated time passes."""
        self.broker.advance(seconds)

    def epoch(self) -> float:
        """The simulated time in seconds since 1970."""
        return self.broker.now.timestamp()

    def calm_down(self) -> None:
        """Nothing goes wrong any more, and what people have switched off is on again."""
        self._count_faults()
        self.broker.faults.clear()
        self._deaths, self._incidents = [], []
        self._others.switch_all_on(self.scenario.market.symbols, self.scenario.whole_shares)
        self.checker.release()

    # --- what the program passes -----------------------------------------------------------------

    def visit(self, boundary: Boundary, what: str) -> None:
        """Called at every boundary that the program passes; raises Violation or Death."""
        if self.session < 0:
            return
        self._boundaries += 1
        self.tally.facts["boundaries"] += 1
        self._passed[boundary] += 1
        if self._tell is not None:
            self.say(f"{boundary}: {what}")
        if boundary is Boundary.AFTER_COMMIT:
            self.checker.after_commit(self.ledger.touched)
        elif boundary is Boundary.BEFORE_ORDER:
            self.checker.before_order(what, self.broker.now)
        self._stop_on_violation()
        if self._boundaries > MOST_BOUNDARIES:
            raise Violation("the run does not come to an end")
        for incident in [i for i in self._incidents if self._is_due(i, boundary)]:
            self._incidents.remove(incident)
            self._happen(incident)
        for death in self._deaths:
            if death.boundary is boundary and death.nth == self._passed[boundary]:
                self._deaths.remove(death)
                self.tally.deaths[boundary] += 1
                self.say(f"*** killed {death}; again after {death.restart_after} s")
                raise Death(death)

    def check_at_rest(self, since: datetime) -> None:
        """Check all invariants, nothing being in flight, after the run that began at `since`."""
        self.checker.at_rest(since)
        self._stop_on_violation()

    def check_success(self, session: date) -> None:
        """Nothing went wrong, so every book must have traded what it wanted.

        Where the venue fills by volume, or sales do not pay for purchases at once, less is right.
        """
        if self.scenario.profile.participation is None and not (
            self.scenario.profile.settled_cash_only
        ):
            self.checker.succeeded(session)
            self._stop_on_violation()

    def say(self, text: str) -> None:
        """A line of the story."""
        if self._tell is not None:
            self._tell(f"{self.broker.now.astimezone(NEW_YORK):%m-%d %H:%M:%S}  {text}")

    def finish(self) -> Tally:
        """The tally, with the faults that fired."""
        self._count_faults()
        self.tally.facts["requests"] += self.transport.requests
        self.tally.facts["orders"] += sum(1 for o in self.witness.orders.values() if not o.by_hand)
        self.tally.facts["executions"] += sum(
            1 for m in self.witness.movements.values() if m.is_ours
        )
        self.tally.facts["crosses"] += self.tables.rows("SELECT COUNT(*) FROM crosses")[0][0]
        self.tally.facts["checks"] += self.checker.checks
        return self.tally

    def _count_faults(self) -> None:
        for rule in self.broker.faults.rules:
            self.tally.faults[str(rule.settings["name"])] += rule.fired

    def close(self) -> None:
        """Forget it all."""
        self.tables.close()
        self.ledger.close()
        self._others.close()
        self.broker.close()
        self._folder.cleanup()

    def _on_order(self, order: Accepted) -> None:
        self.checker.on_order(order)
        limit = "market" if order.limit_price is None else f"at {order.limit_price}"
        name = f"{order.side} {order.quantity} {order.symbol} {limit}"
        self.say(f"    broker: takes {order.client_order_id}: {name}")

    def _stop_on_violation(self) -> None:
        if self.checker.found:
            raise Violation("; ".join(self.checker.found))

    def _is_due(self, incident: Incident, boundary: Boundary) -> bool:
        if incident.boundary > self._boundaries or self.ledger.is_writing:
            return False
        if incident.kind is IncidentKind.LEDGER_LOCKED:
            return boundary is Boundary.BEFORE_TRANSACTION
        return self._account_is_open()

    def _account_is_open(self) -> bool:
        """Before that there are no books, and what happens to the account is none of theirs."""
        return bool(self.tables.rows("SELECT 1 FROM account"))

    def _happen(self, incident: Incident) -> None:
        self.broker.advance(LATENCY)
        self.say(f"--- {incident}")
        if incident.kind is IncidentKind.LEDGER_LOCKED:
            self.tally.incidents[incident.kind] += 1
            self.broker.advance(LOCKED_SECONDS)
            raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))
        if not self._others.do(incident):
            self.say("    it could not be done")
            return
        self.tally.incidents[incident.kind] += 1
        if incident.brake is not None:
            self.checker.brake(incident.brake)
