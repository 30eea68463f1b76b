"""Why a session has no weights: every reason has a number, 0 being none."""

from dataclasses import dataclass

from alchemiser_dagster.symphony.graph import Filter, If, Indicator, InverseVolatility
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.symphony import Symphony


@dataclass(frozen=True)
class _Fault:
    node: Indicator | If | Filter | InverseVolatility
    text: str


class FaultBook:
    """Numbers the reasons of one evaluation and puts them into words."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._faults: list[_Fault] = []
        self._numbers: dict[object, int] = {}

    def undefined(self, indicator: Indicator) -> int:
        """An indicator of a condition without a value."""
        return self._number(indicator, f"{indicator} has no value")

    def no_else(self, node: If) -> int:
        """A false condition with nothing to do."""
        return self._number(node, "the condition is false and there is no else")

    def nothing_ranked(self, node: Filter) -> int:
        """A filter none of whose candidates has a score."""
        return self._number(node, f"no candidate has a value of {node.metric}")

    def no_volatility(self, node: InverseVolatility) -> int:
        """A weight by volatility none of whose children has one."""
        return self._number(node, f"no child has a volatility over {node.window} sessions")

    def name(self, fault: int, symphony: Symphony) -> str:
        """A reason without the particulars of a session."""
        known = self._faults[fault - 1]
        return f"{symphony.place(known.node)}: {known.text}"

    def explain(self, fault: int, row: int, symphony: Symphony) -> str:
        """A reason in the session of `row`."""
        known = self._faults[fault - 1]
        text = known.text
        if isinstance(known.node, Indicator):
            text = self._history.why_undefined(known.node, row)
        return f"{symphony.place(known.node)}: {text}"

    def _number(self, node: Indicator | If | Filter | InverseVolatility, text: str) -> int:
        if node not in self._numbers:
            self._faults.append(_Fault(node, text))
            self._numbers[node] = len(self._faults)
        return self._numbers[node]
