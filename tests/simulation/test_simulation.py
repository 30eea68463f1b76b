"""A few seeds of the simulation, that they can be repeated, and that they find mistakes."""

import functools
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.simulation.campaign import run_seed
from tests.simulation.mistakes import MISTAKES, Mistake
from tests.simulation.scenarios import draw_scenario
from tests.simulation.trader import simulate
from tests.simulation.world import Violation, World

SEEDS = range(30)
"""`make simulate` runs more, and so does `.ci/run`."""
TEN = 10


@functools.cache
def violation_of(seed: int) -> str | None:
    return run_seed(seed).violation


@pytest.mark.parametrize("first", SEEDS[::TEN])
def test_no_invariant_is_violated(first: int) -> None:
    failed = {seed: violation_of(seed) for seed in range(first, first + TEN)}
    assert {seed: why for seed, why in failed.items() if why is not None} == {}


def test_the_same_seed_is_the_same_story_in_another_process() -> None:
    """Also with another order of hashes, which decides the order of sets of texts."""
    stories = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "3", "--verbose"],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert stories[0].count("\n") > 100
    assert stories[0] == stories[1]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    """The seed that shows the mistake shows nothing without it."""
    assert violation_of(mistake.seed) is None
    with mistake.made():
        assert run_seed(mistake.seed).violation is not None


TAMPERED: dict[str, tuple[str, str]] = {
    "shares of a lot": ("UPDATE lots SET quantity = quantity + 1 WHERE quantity > 0", "I1"),
    "cash of a book": ("UPDATE cash_entries SET amount = amount + 1 WHERE entry_id = 2", "I2"),
    "cost of a lot": ("UPDATE lots SET cost = cost + 1 WHERE quantity > 0", "I3"),
    "an order's quantity": ("UPDATE orders SET quantity = 1", "I4"),
    "a block's quantity": ("UPDATE blocks SET quantity = 1", "I4"),
    "a journal entry": ("UPDATE journal SET payload = '[]' WHERE sequence = 3", "I6"),
    "a journal entry lost": ("DELETE FROM journal WHERE sequence = 3", "I6"),
    "an execution lost": ("DELETE FROM executions", "I1"),
}


@pytest.fixture(scope="module")
def traded() -> Callable[[], World]:
    """A world after a calm seed has been simulated: shares are held, all is at rest."""

    def trade() -> World:
        seed = next(seed for seed in range(1000) if draw_scenario(seed).calm)
        world = World(draw_scenario(seed))
        simulate(world)
        return world

    return trade


@pytest.mark.parametrize(("change", "invariant"), TAMPERED.values(), ids=TAMPERED)
def test_a_ledger_changed_by_hand_is_found(
    traded: Callable[[], World], change: str, invariant: str
) -> None:
    world = traded()
    world.check_at_rest(world.broker.now)
    world.tables.execute(change)
    with pytest.raises(Violation, match=invariant):
        world.check_at_rest(world.broker.now)
    world.close()
