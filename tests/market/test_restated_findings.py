"""A past that was scaled: explained, unexplained, and where the feed of actions failed."""

from datetime import date

import polars as pl
import pytest

from alchemiser_dagster.market.actions import Action, actions_table, empty_actions
from alchemiser_dagster.market.bars import checked_bars
from alchemiser_dagster.market.restated_findings import failed_feed, restated_findings
from alchemiser_dagster.market.sessions import sessions_between

from .tables import bar, table

DAYS = sessions_between(date(2024, 1, 2), date(2024, 3, 28))
DIVIDEND = actions_table([Action("BIL", DAYS[-1], "dividend", amount=2.0)])
FAILED = "Alpaca (sip): expected corporate actions of BIL, was HTTP 500"


def bars(factor: float, days: list[date] = DAYS) -> pl.DataFrame:
    """BIL at 100 dollars all along; before the last session its adjusted close is scaled."""
    rows = [
        bar("BIL", day, 100.0, adj_close=100.0 * (factor if day < DAYS[-1] else 1)) for day in days
    ]
    return checked_bars(table(*rows), origin="test")


def found(actions: pl.DataFrame | None, feed_failure: str | None = None) -> list[tuple]:
    """What is found where the two dollars that BIL paid have scaled its past by 0.98."""
    return restated_findings(bars(1.0, DAYS[:-1]), bars(0.98), actions, feed_failure).rows()


def test_what_the_feed_explains_is_nothing() -> None:
    assert found(DIVIDEND) == []


def test_what_it_does_not_explain_is_an_error_and_says_what_ends_it() -> None:
    ((check, symbol, day, severity, says),) = found(empty_actions())
    assert (check, symbol, day, severity) == ("restated", "BIL", DAYS[-2], "error")
    assert says == (
        "BIL: the past to 2024-03-27 is scaled by 0.980000, for which the feed of corporate "
        "actions knows no reason; its books wait until an action explains it, or until it is "
        "accepted in symbols.toml"
    )


def test_without_a_feed_it_is_a_warning() -> None:
    ((*_, severity, says),) = found(None)
    assert severity == "warning"
    assert says == "BIL: the past to 2024-03-27 is scaled by 0.980000"


def test_with_a_feed_that_failed_it_is_an_error_and_says_to_run_again() -> None:
    ((*_, severity, says),) = found(None, FAILED)
    assert severity == "error"
    assert says == (
        "BIL: the past to 2024-03-27 is scaled by 0.980000, which cannot be judged, because the "
        "feed of corporate actions failed: take the bars again, `alchemiser bars` does"
    )


@pytest.mark.parametrize("feed_failure", [None, FAILED])
def test_a_correction_needs_no_feed_to_be_judged(feed_failure: str | None) -> None:
    corrected = bars(1.0).with_columns(
        adj_close=pl.when(date=DAYS[20]).then(101.0).otherwise("adj_close")
    )
    ((*_, severity, _),) = restated_findings(bars(1.0), corrected, None, feed_failure).rows()
    assert severity == "warning"


def test_a_feed_that_failed_is_told_with_its_reason_and_of_no_symbol() -> None:
    assert failed_feed(None).is_empty()
    assert failed_feed(FAILED).rows() == [
        (
            "restated",
            None,
            None,
            "warning",
            f"{FAILED}; take the bars again, `alchemiser bars` does",
        )
    ]
