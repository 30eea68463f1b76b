"""What may be wrong with a vendor's bars: by which check it is found, and whom it stops.

The fault is always in the bars of SPY. The book of shares uses SPY, that of bonds TLT.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from alchemiser_dagster.market.actions import Action, actions_table
from alchemiser_dagster.market.bars import conformed_bars, sift_bars
from alchemiser_dagster.market.examination import Context, examine
from alchemiser_dagster.market.fitness import why_unfit

from .tables import bar, table
from .test_examination import DAYS, SESSION, context, rows

AT = DAYS[-100]
Rows = list[dict]


def scaled(factor: float, until: date = SESSION) -> Rows:
    """SPY, its closes before a day scaled; `rows` has them near 100 dollars."""
    return [
        row | {name: row[name] * factor for name in ("open", "high", "low", "close")}
        if row["date"] < until
        else row
        for row in rows("SPY")
    ]


def unchanged(facts: Context) -> Context:
    return facts


def with_actions(*actions: Action) -> Callable[[Context], Context]:
    return lambda facts: replace(facts, actions=actions_table(actions))


def after(before: Rows) -> Callable[[Context], Context]:
    """Compared with a snapshot of the evening before."""
    known = [row for row in before if row["date"] < SESSION] + rows("TLT", DAYS[:-1])
    return lambda facts: replace(facts, before=conformed_bars(table(*known), origin="test"))


def nothing_after(days: int) -> Rows:
    return rows("SPY", DAYS[:-days])


SPIKE = rows("SPY", at=AT, open=1000.0, high=1000.0, low=1000.0, close=1000.0)
RENAMED = with_actions(Action("SPY", DAYS[-3], "name_change", new_symbol="SPYX"))
REMOVED = with_actions(Action("SPY", DAYS[-3], "removal"))
STOPPING = {
    "no bar at all": ([], unchanged, "symbols", "the source has no bar"),
    "no bar of the session": (nothing_after(1), unchanged, "last_session", "1 session behind"),
    "a session missing": (
        [row for row in rows("SPY") if row["date"] != AT],
        unchanged,
        "sessions",
        f"no bar on {AT}",
    ),
    "a bar of a session under way": (
        [*rows("SPY"), bar("SPY", date(2026, 1, 15), 100.0)],
        unchanged,
        "future",
        "2026-01-14 is the last session that had closed",
    ),
    "a bar twice": ([*rows("SPY"), bar("SPY", AT, 100.0)], unchanged, "unique", "repeating"),
    "a bar of a Saturday": (
        [*rows("SPY"), bar("SPY", date(2026, 1, 10), 100.0)],
        unchanged,
        "sessions",
        "no NYSE session",
    ),
    "restated overnight": (
        scaled(0.98),
        after(rows("SPY")),
        "restated",
        "is scaled by 0.980000",
    ),
    "a price of zero": (rows("SPY", at=AT, close=0.0), unchanged, "prices", "above 0"),
    "a negative price": (rows("SPY", at=AT, low=-1.0), unchanged, "prices", "above 0"),
    "a price that is none": (rows("SPY", at=AT, close=float("nan")), unchanged, "prices", "close"),
    "low above open": (rows("SPY", at=AT, low=200.0), unchanged, "prices", "around open and close"),
    "ten times the price for a day": (SPIKE, unchanged, "jumps", "SPY: +860.6 %"),
    "a split not adjusted for": (scaled(4.0, until=AT), unchanged, "jumps", "split 4:1"),
    "renamed": (nothing_after(3), RENAMED, "last_session", "was renamed SPYX"),
    "delisted": (nothing_after(3), REMOVED, "last_session", "was removed from the market"),
}


def found_in(bars: Rows, facts: Callable[[Context], Context]) -> pl.DataFrame:
    conformed = conformed_bars(table(*bars, *rows("TLT")), origin="test")
    return examine(*sift_bars(conformed), facts(context("SPY", "TLT")))


@pytest.mark.parametrize("fault", STOPPING)
def test_it_is_found_by_name_and_stops_the_books_of_the_symbol_only(fault: str) -> None:
    bars, facts, check, says = STOPPING[fault]
    findings = found_in(bars, facts)
    reason = why_unfit(findings, {"SPY"})
    assert reason is not None
    assert f"SPY ({check})" in reason
    assert says in reason
    assert why_unfit(findings, {"TLT"}) is None


@pytest.mark.parametrize(
    ("bars", "facts", "check"),
    [
        (rows("SPY", at=AT, volume=0.0), unchanged, None),
        (rows("SPY"), after(rows("SPY", at=AT, close=100.0, low=100.0)), "restated"),
        (
            [row | ({"volume": 0, "close": 100.0, "open": 100.0, "high": 100.0, "low": 100.0}
                    if row["date"] >= DAYS[-5] else {}) for row in rows("SPY")],
            unchanged,
            "idle",
        ),
    ],
    ids=["no volume on a day", "one bar corrected overnight", "halted for a week"],
)  # fmt: skip
def test_what_only_asks_for_somebody_to_look(
    bars: Rows, facts: Callable[[Context], Context], check: str | None
) -> None:
    findings = found_in(bars, facts)
    assert set(findings["check"]) == ({check} if check else set())
    assert why_unfit(findings, {"SPY"}) is None


def test_a_dividend_that_scales_the_past_is_no_fault() -> None:
    last_close = rows("SPY", DAYS[:-1])[-1]["close"]
    paid = Action("SPY", SESSION, "dividend", amount=0.02 * last_close)

    def facts(plain: Context) -> Context:
        return after(rows("SPY"))(with_actions(paid)(plain))

    now = [
        row | {"adj_close": row["close"] * (0.98 if row["date"] < SESSION else 1)}
        for row in rows("SPY")
    ]
    assert found_in(now, facts).is_empty()
