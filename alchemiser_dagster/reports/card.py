"""Headline figures."""

from dataclasses import dataclass

from alchemiser_dagster.reports.numbers import tone


@dataclass(frozen=True)
class Card:
    """A headline figure: what it is, the figure, and a line below it.

    A figure written with its sign has the tone of it.
    """

    label: str
    value: str
    note: str = ""

    @property
    def tone(self) -> str:
        """Gain, loss or nothing."""
        return tone(self.value)
