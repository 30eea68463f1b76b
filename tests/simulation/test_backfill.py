"""After anything that can happen, the broker's history gives the very books that the ledger has."""

from sqlalchemy import select

from alchemiser_dagster.ledger.schema import activities
from tests.execution.rebuilt import rebuilt
from tests.simulation.scenarios import draw_scenario
from tests.simulation.trader import Trader, no_real_time, simulate
from tests.simulation.world import World

SEEDS = {
    6: {"FEE", "FILL"},
    19: {"CSD", "SPLIT"},
    34: {"CSD", "CSW"},
    40: {"MISC"},
}
"""Seeds, and what the broker did in them besides filling orders; MISC is a bust."""


def test_books_rebuilt_after_faults_kills_and_incidents() -> None:
    for seed, kinds in SEEDS.items():
        world = World(draw_scenario(seed))
        try:
            with no_real_time():
                simulate(world)
                with rebuilt(Trader(world)._desk()) as books:
                    made = books.again()
                    assert made.problems == (), seed
                    assert (books.differences(), books.cash_differences()) == ([], []), seed
                    assert books.again().added == 0, seed
            with world.ledger.read() as connection:
                posted = set(connection.execute(select(activities.c.kind)).scalars())
            assert posted == kinds, f"seed {seed} tells another story now: choose one with {kinds}"
        finally:
            world.close()
