"""What is said about a symphony before it trades."""

from __future__ import annotations

from alchemiser_dagster.symphony import Inspection, inspect, read_symphony
from tests.symphony.market import MARKET, choose, program


def inspected(text: str) -> Inspection:
    (found,) = inspect([read_symphony(text, name="t", source="t.clj")], MARKET)
    return found


def test_conditions_that_never_change() -> None:
    found = inspected(
        choose(
            '(or (> (rsi "UP" 10) 100) (< (current-price "DOWN") 5000) (> (current-price "UP") 300)'
            ' (> (rsi "NOPE" 10) 50))'
        )
    )
    assert [r.text for r in found.never_true] == ["rsi(UP, 10) > 100"]
    assert [r.text for r in found.never_false] == ["any of 4", "current-price(DOWN) < 5000"]
    assert [r.text for r in found.undecided] == ["rsi(NOPE, 10) > 50"]
    assert found.never_true[0].place == "t.clj:1:96"


def test_needs() -> None:
    text = program(
        '(weight-equal [(filter (rsi 10) (select-top 1) [UP (asset "NOPE")])'
        " (weight-inverse-volatility 20 [UP DOWN])"
        ' (if (> (rsi "UP" 5) (rsi "UP" 60)) [UP] [DOWN])])'
    )
    found = inspected(text)
    assert found.symbols == ("DOWN", "NOPE", "UP")
    assert [r.text for r in found.without_bars] == ["NOPE"]
    assert found.windows == {"rsi": ((5,), (10,), (60,)), "stdev-return": ((20,),)}
    assert found.lookback == 250 + 20 * 60


def test_a_candidate_named_twice() -> None:
    (warning,) = inspected(program("(filter (rsi 10) (select-top 1) [UP DOWN UP])")).warnings
    assert warning.endswith("UP is a candidate already")
