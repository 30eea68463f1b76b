"""With which earlier evening each symbol is compared."""

from collections.abc import Iterator, Mapping
from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.market.comparison import Comparison, compared_with
from alchemiser_dagster.market.findings_table import FINDINGS_SCHEMA

from .tables import MON, THU, TUE, WED

Finding = tuple[str, str, date, str, str]


def restated(symbol: str, day: date = MON, severity: str = "error") -> Finding:
    return "restated", symbol, day, severity, f"{symbol}: the past to {day} is scaled"


class Evenings:
    """Each with the symbols of its snapshot and what was found there; None: not examined."""

    def __init__(self, evenings: Mapping[date, tuple[str, list[Finding] | None]]) -> None:
        self.evenings = evenings
        self.asked: list[date] = []
        self.examined: list[date] = []

    def findings(self, session: date) -> pl.DataFrame | None:
        self.examined.append(session)
        rows = self.evenings[session][1]
        return None if rows is None else pl.DataFrame(rows, schema=FINDINGS_SCHEMA, orient="row")

    def latest_first(self) -> Iterator[tuple[date, list[str]]]:
        for session in sorted(self.evenings, reverse=True):
            self.asked.append(session)
            yield session, self.evenings[session][0].split()

    def compared(self, symbols: str) -> Comparison:
        return compared_with(symbols.split(), self.latest_first(), self.findings)


def sessions(comparison: Comparison) -> dict[date, set[str]]:
    return {session: set(symbols) for session, symbols in comparison.sessions.items()}


def test_a_symbol_is_compared_with_the_evening_before() -> None:
    evenings = Evenings({MON: ("BIL SPY", []), TUE: ("BIL SPY", [])})
    assert sessions(evenings.compared("BIL SPY")) == {TUE: {"BIL", "SPY"}}
    assert evenings.asked == evenings.examined == [TUE]


def test_what_was_left_open_is_compared_with_the_evening_before_that() -> None:
    evenings = Evenings(
        {
            MON: ("BIL SPY", []),
            TUE: ("BIL SPY", [restated("BIL")]),
            WED: ("BIL SPY", [restated("BIL")]),
        }
    )
    assert sessions(evenings.compared("BIL SPY")) == {WED: {"SPY"}, MON: {"BIL"}}
    assert evenings.compared("BIL SPY").carried.is_empty()


def test_only_restatements_that_stop_books_are_left_open() -> None:
    others = [restated("BIL", severity="warning"), ("jumps", "BIL", TUE, "error", "BIL: +50 %")]
    assert sessions(Evenings({TUE: ("BIL", others)}).compared("BIL")) == {TUE: {"BIL"}}


def test_a_symbol_that_was_set_aside_is_compared_with_its_last_snapshot() -> None:
    evenings = Evenings({MON: ("BIL SPY", []), TUE: ("SPY", []), WED: ("SPY", [])})
    assert sessions(evenings.compared("BIL SPY")) == {WED: {"SPY"}, MON: {"BIL"}}
    assert WED in evenings.examined
    assert TUE not in evenings.examined  # which has nothing to say about BIL


def test_what_was_not_examined_is_nothing_to_compare_with() -> None:
    evenings = Evenings({MON: ("BIL", []), TUE: ("BIL", None)})
    assert sessions(evenings.compared("BIL")) == {MON: {"BIL"}}


def test_a_new_symbol_and_a_first_snapshot_are_compared_with_nothing() -> None:
    assert Evenings({}).compared("SPY").sessions == {}
    assert Evenings({MON: ("SPY", [])}).compared("BIL").sessions == {}
    assert Evenings({MON: ("SPY", [])}).compared("BIL").carried.is_empty()


def test_where_no_sound_evening_is_kept_the_latest_findings_hold() -> None:
    """The snapshots of MON, before BIL was restated, are gone."""
    latest = restated("BIL", WED)
    evenings = Evenings(
        {
            TUE: ("BIL SPY", [restated("BIL", MON)]),
            WED: ("BIL SPY", [latest, restated("SPY")]),
        }
    )
    comparison = evenings.compared("BIL SPY")
    assert sessions(comparison) == {TUE: {"SPY"}}
    assert comparison.carried.rows() == [latest]


SYMBOLS = ["BIL", "SPY", "TLT"]


@given(
    st.lists(st.tuples(st.sets(st.sampled_from(SYMBOLS)), st.sets(st.sampled_from(SYMBOLS)))),
)
def test_every_symbol_is_compared_carried_or_new(
    history: list[tuple[set[str], set[str]]],
) -> None:
    days = [date.fromordinal(THU.toordinal() + n) for n in range(len(history))]
    evenings = Evenings(
        {
            day: (" ".join(held), [restated(symbol, day) for symbol in sorted(held & left_open)])
            for day, (held, left_open) in zip(days, history, strict=True)
        }
    )
    comparison = evenings.compared(" ".join(SYMBOLS))
    carried = dict(comparison.carried.select("symbol", "date").rows())
    for symbol in SYMBOLS:
        held = [(day, symbol in open_) for day, (own, open_) in zip(days, history, strict=True)
                if symbol in own]  # fmt: skip
        sound = [day for day, is_open in held if not is_open]
        compared = [day for day, own in comparison.sessions.items() if symbol in own]
        assert compared == sound[-1:]
        assert carried.get(symbol) == (held[-1][0] if held and not sound else None)
