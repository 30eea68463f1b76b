"""Where the trading program can be killed, and where it is.

A kill leaves what was committed, at the broker and in the ledger, and nothing else. So it is a
question of the moments between commits and requests: at each of those the program can be stopped by
an exception that nothing in it catches, and started again with new objects.

    ... commit of the intent │ POST │ answer │ commit of what was learnt │ ...
                             ▲      ▲        ▲                           ▲
                             every one of these boundaries is a place to die
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Boundary(StrEnum):
    """A kind of moment that a run of the trading program passes."""

    BEFORE_READ = "before a reading"
    AFTER_READ = "after a reading"
    BEFORE_ORDER = "before an order is sent"
    AFTER_ORDER = "after an order was sent"
    BEFORE_CANCEL = "before a cancel"
    AFTER_CANCEL = "after a cancel"
    BEFORE_TRANSACTION = "before a transaction"
    IN_TRANSACTION = "inside a transaction"
    IN_POSTING = "between fill, cash and lots"
    BEFORE_COMMIT = "before a commit"
    AFTER_COMMIT = "after a commit"


USUAL_COUNT = {
    Boundary.BEFORE_READ: 60,
    Boundary.AFTER_READ: 60,
    Boundary.BEFORE_ORDER: 8,
    Boundary.AFTER_ORDER: 8,
    Boundary.BEFORE_CANCEL: 4,
    Boundary.AFTER_CANCEL: 4,
    Boundary.BEFORE_TRANSACTION: 40,
    Boundary.IN_TRANSACTION: 120,
    Boundary.IN_POSTING: 24,
    Boundary.BEFORE_COMMIT: 40,
    Boundary.AFTER_COMMIT: 40,
}
"""About how often a session passes each: a place to die is drawn among so many."""


@dataclass(frozen=True)
class PlannedDeath:
    """The program is killed at the `nth` boundary of a kind in a session, and started again.

    `session` counts from 0; `restart_after` is in seconds, None for the next session's run.
    """

    session: int
    boundary: Boundary
    nth: int
    restart_after: int | None

    def __str__(self) -> str:
        return f"{self.boundary} (number {self.nth})"


class Death(BaseException):
    """The program is killed here. Not an Exception: nothing in it may catch this."""

    def __init__(self, planned: PlannedDeath) -> None:
        super().__init__(str(planned))
        self.restart_after = planned.restart_after


RESTARTS = (1, 3, 10, 30, 120, 400, 900, 7200)


def draw_deaths(chance: Random, sessions: int) -> list[PlannedDeath]:
    """The deaths of a whole simulation: none in half of the sessions, up to three in others."""
    deaths = []
    for session in range(sessions):
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3))):
            boundary = chance.choice(list(Boundary))
            deaths.append(
                PlannedDeath(
                    session=session,
                    boundary=boundary,
                    nth=chance.randint(1, USUAL_COUNT[boundary]),
                    restart_after=None if chance.random() < 0.1 else chance.choice(RESTARTS),
                )
            )
    return deaths
