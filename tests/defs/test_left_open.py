"""A past that a vendor scales for no known reason stops its books until that is settled.

The vendor's file has a column of dividends, so it has a feed of corporate actions. On Tuesday the
bonds' adjusted closes up to Friday are 2 % lower than they were on Friday evening.
"""

from collections.abc import Callable, Iterator
from datetime import date

import dagster as dg
import polars as pl
import pytest

from tests.world import market

from .conftest import INCEPTION, make_world
from .evening import GOOD_BOOKS, Evening, check_of, rows_of

FRIDAY, TUESDAY, WEDNESDAY = INCEPTION, date(2024, 1, 2), date(2024, 1, 3)
SCALED = "TLT: the past to 2023-12-29 is scaled by 0.980000"
TLT = pl.col("symbol") == "TLT"
LAST_CLOSE = market().filter(TLT, date=FRIDAY)["close"].item()


def bars(factor: float = 1.0, dividend: float | None = None) -> pl.DataFrame:
    """The market; the bonds' past up to Friday is scaled, and they pay a dividend on Tuesday."""
    return market().with_columns(
        adj_close=pl.when(TLT, pl.col("date") <= FRIDAY)
        .then(pl.col("close") * factor)
        .otherwise("close"),
        dividend=pl.when(TLT, date=TUESDAY).then(dividend),
    )


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """After Tuesday evening."""
    folder = tmp_path_factory.mktemp("account")
    with dg.DagsterInstance.ephemeral() as instance:
        evening = Evening(make_world(folder, GOOD_BOOKS), folder, instance)
        evening.vendor_says(bars())
        evening.run(FRIDAY, job="bars")
        evening.vendor_says(bars(0.98))
        evening.run(TUESDAY, job="bars")
        yield evening


def wednesday(evening: Evening) -> dg.ExecuteInProcessResult:
    return evening.run(WEDNESDAY, job="bars")


def test_it_stops_them_evening_after_evening(evening: Evening) -> None:
    evening.vendor_says(bars(0.98))
    result = wednesday(evening)
    for session in (TUESDAY, WEDNESDAY):
        assert list(evening.stopped(session)) == ["steady"]
        assert SCALED in (reason := evening.stopped(session)["steady"])
        assert "until an action explains it, or until it is accepted in symbols.toml" in reason
    assert {(row["symbol"], row["date"]) for row in rows_of(check_of(result, "restated"))} == {
        ("TLT", "2023-12-29")
    }
    (made,) = result.asset_materializations_for_node("bar_findings")
    assert made.metadata["compared with"].value == "2024-01-02; 2023-12-29 (TLT)"


def explained(evening: Evening) -> None:
    evening.vendor_says(bars(0.98, dividend=0.02 * LAST_CLOSE))


def taken_back(evening: Evening) -> None:
    evening.vendor_says(bars())


def accepted(evening: Evening) -> None:
    evening.vendor_says(bars(0.98))
    (evening.world.strategies / "symbols.toml").write_text(
        '[[accepted]]\ncheck = "restated"\nsymbol = "TLT"\nsession = 2023-12-29\nwhy = "asked"\n'
    )


@pytest.mark.parametrize("settle", [explained, taken_back, accepted])
def test_it_ends_once_it_is_settled(evening: Evening, settle: Callable[[Evening], None]) -> None:
    settle(evening)
    wednesday(evening)
    (evening.world.strategies / "symbols.toml").unlink(missing_ok=True)
    assert evening.stopped(WEDNESDAY) == {}
    assert "steady" in evening.stopped(TUESDAY)


def test_what_was_settled_is_settled_for_good(evening: Evening) -> None:
    """Thursday is compared with Wednesday, whose past was accepted; the entry may go."""
    accepted(evening)
    evening.run(WEDNESDAY, job="bars")
    (evening.world.strategies / "symbols.toml").unlink()
    evening.run(date(2024, 1, 4), job="bars")
    assert evening.stopped(date(2024, 1, 4)) == {}


def test_it_stays_where_the_snapshot_from_before_it_is_damaged(evening: Evening) -> None:
    evening.vendor_says(bars(0.98))
    records = evening.world.records
    name = f"daily_bars/{FRIDAY}/{records.snapshots.get(FRIDAY).sha256}.parquet"
    whole = records.tables.files.read(name)
    records.tables.files.write(name, whole[:-1])
    try:
        wednesday(evening)
    finally:
        records.tables.files.write(name, whole)
    assert list(evening.stopped(WEDNESDAY)) == ["steady"]
    assert SCALED in evening.stopped(WEDNESDAY)["steady"]
