"""A bridge: the rows that lead from what a strategy earned on paper to what its book earned."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from alchemiser_dagster.books.money import ZERO, round_to_total


class Component(StrEnum):
    """The rows, in their order; `books.live_minus_model` says what each is."""

    MODEL = "model"
    SIGNAL_LAG = "signal lag"
    RESTATED = "restated prices"
    AFTER_DECISION = "after the decision"
    DELAY = "delay"
    SPREAD = "spread"
    WALK = "walk"
    CROSSING_SAVED = "crossing saved"
    DIVIDENDS = "dividends"
    CASH_DRAG = "cash drag"
    PARTIAL = "partial and skipped trades"
    DIFFERENT = "different holdings"
    FEES = "fees"
    INTEREST = "interest"
    CORRECTIONS = "corrections"
    LIVE = "live"


@dataclass(frozen=True)
class Line:
    """One row in dollars; `note` says what stands behind it, where there is more to say."""

    component: Component
    dollars: Decimal
    note: str = ""


@dataclass(frozen=True)
class Bridge:
    """From the model's dollars by `lines` to the book's: model + sum of lines = live, exactly."""

    model: Line
    lines: tuple[Line, ...]
    live: Line

    @property
    def rows(self) -> tuple[Line, ...]:
        """Model, lines, live."""
        return (self.model, *self.lines, self.live)

    def in_cents(self) -> "Bridge":
        """The same in whole cents, which sum exactly too.

        `live` is its own rounding; another row may differ from its own by a cent, one of 0 never.
        """
        rows = self.rows[:-1]
        cents = round_to_total([row.dollars for row in rows])
        model, *lines = (
            replace(row, dollars=dollars + ZERO)  # which turns -0 into 0
            for row, dollars in zip(rows, cents, strict=True)
        )
        return Bridge(model, tuple(lines), replace(self.live, dollars=sum(cents, ZERO)))
