"""What is drawn from a seed is what the broker is then given."""

from collections import Counter

import pytest

from alchemiser_dagster.embedded.bars import BarTable
from alchemiser_dagster.embedded.dividends import dividends_between
from alchemiser_dagster.embedded.faults import FaultPlan
from alchemiser_dagster.embedded.splits import splits_between
from tests.simulation.deaths import Boundary
from tests.simulation.faults import KINDS
from tests.simulation.incidents import IncidentKind
from tests.simulation.scenarios import draw_scenario

MANY = range(400)


def test_equal_seeds_draw_equal_scenarios() -> None:
    one, again, other = draw_scenario(5), draw_scenario(5), draw_scenario(6)
    assert one.market.bars.equals(again.market.bars)
    assert list(one.describe()) == list(again.describe()) != list(other.describe())


@pytest.mark.parametrize("seed", range(40))
def test_the_broker_sees_the_splits_and_dividends_that_were_drawn(seed: int) -> None:
    market = draw_scenario(seed).market
    table = BarTable(market.bars)
    first, last = market.sessions[0], market.sessions[-1]
    seen = {
        (kind, symbol, event.ex_date)
        for symbol in market.symbols
        for kind, events in (
            ("split", splits_between(table[symbol], first, last)),
            ("dividend", dividends_between(table[symbol], first, last)),
        )
        for event in events
    }
    assert seen == {(event.kind, event.symbol, event.session) for event in market.events}


def test_every_kind_of_fault_is_a_rule_and_every_kind_is_drawn() -> None:
    faults: Counter[str] = Counter()
    deaths: Counter[Boundary] = Counter()
    incidents: Counter[IncidentKind] = Counter()
    for seed in MANY:
        scenario = draw_scenario(seed)
        FaultPlan(seed).add(scenario.faults)
        faults.update(rule["name"] for rule in scenario.faults)
        deaths.update(death.boundary for death in scenario.deaths)
        incidents.update(incident.kind for incident in scenario.incidents)
        assert sum(scenario.allocations.values()) <= 1
    assert set(faults) == {*(kind.name for kind in KINDS), "outage"}
    assert set(deaths) == set(Boundary)
    assert set(incidents) == set(IncidentKind)


def test_calm_scenarios_have_nothing_that_goes_wrong() -> None:
    calm = [scenario for scenario in map(draw_scenario, MANY) if scenario.calm]
    assert 20 <= len(calm) <= 80
    assert not any(s.faults or s.deaths or s.incidents for s in calm)
