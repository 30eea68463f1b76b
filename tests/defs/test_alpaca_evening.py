"""Whole evenings on Alpaca's real clients: bars, findings, signals, and what goes wrong on the way.

A paper account whose market data is the embedded server's. BIL pays 0.30 dollars with Wednesday as
its ex-date; two new shares are given for one of TLT on Thursday.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient

from alchemiser_dagster.embedded import ControlClient, EmbeddedBroker
from alchemiser_dagster.market.sessions import session_open
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from tests.market.alpaca_server import BARS_ROUTE, evening_of
from tests.world import market, write_strategies

from .conftest import INCEPTION, World
from .evening import GOOD_BOOKS, Evening, check_of

TUESDAY, WEDNESDAY, THURSDAY = date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)
ACTIONS_ROUTE = {"path": "/v1/corporate-actions"}
BIL, TLT, DAY = pl.col("symbol") == "BIL", pl.col("symbol") == "TLT", pl.col("date")
PRICES = ("open", "high", "low", "close")
(BIL_BEFORE,) = market().filter(BIL, date=TUESDAY)["close"]
FACTOR = 1 - 0.30 / BIL_BEFORE


def traded() -> pl.DataFrame:
    """The market as it was traded, with total returns as the embedded broker wants them."""
    split = [
        pl.when(TLT, DAY >= THURSDAY).then(pl.col(name) / 2).otherwise(name).alias(name)
        for name in PRICES
    ]
    adjusted = (
        pl.when(TLT, DAY < THURSDAY)
        .then(pl.col("close") / 2)
        .when(BIL, DAY < WEDNESDAY)
        .then(pl.col("close") * FACTOR)
        .otherwise("close")
    )
    return (
        market()
        .with_columns(split)
        .with_columns(
            adj_close=adjusted, split=pl.when(TLT, DAY == THURSDAY).then(2.0).otherwise(1.0)
        )
    )


@dataclass
class Alpaca(Evening):
    """The account's market data, at a server whose clock is set by hand."""

    control: ControlClient = field(kw_only=True)

    def fired(self) -> list[int]:
        return [rule["fired"] for rule in self.control.faults()]


@pytest.fixture
def alpaca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alpaca]:
    """On Tuesday evening; waiting for an answer takes no time."""

    def on_the_server(kind: type[Any]) -> Any:
        def client(_key: str | None, _secret: str | None) -> Any:
            made = kind(broker.api_key, broker.secret_key, url_override=broker.url)
            made._session.trust_env = False
            return made

        return client

    for name in ("LONGEST_MINUTE", "FIRST_RETRY_SECONDS"):
        monkeypatch.setattr(f"alchemiser_dagster.api_calls.{name}", 0.01)
    for kind in (StockHistoricalDataClient, CorporateActionsClient):
        name = f"alchemiser_dagster.defs.resources.{kind.__name__}"
        monkeypatch.setattr(name, on_the_server(kind))
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "ALCHEMISER_BROKER"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path / "account")
    facts = home.open(AccountFile(BrokerMode.PAPER, INCEPTION))
    world = World(home, facts, write_strategies(tmp_path, GOOD_BOOKS))
    with (
        EmbeddedBroker(traded(), tmp_path / "broker", opened_at=evening_of(TUESDAY)) as broker,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        yield Alpaca(world, tmp_path, instance, control=broker.control())


def test_an_evening_from_bars_to_signals_with_and_without_faults(alpaca: Alpaca) -> None:
    assert alpaca.run(TUESDAY).success
    snapshots = alpaca.world.records.snapshots
    once = snapshots.get(TUESDAY)
    assert (once.origin.source, once.origin.feed) == ("Alpaca (sip)", "sip")
    assert once.symbols == ("BIL", "GLD", "SPY", "TLT")
    # neither Wednesday's dividend nor Thursday's split has been heard of
    bars, expected = snapshots.scan(TUESDAY).collect(), market().filter(DAY <= TUESDAY)
    closes = expected.sort("symbol", "date")["close"].to_list()
    assert bars["close"].to_list() == bars["adj_close"].to_list() == closes
    assert alpaca.findings(TUESDAY).is_empty()
    assert alpaca.books_with_signal(TUESDAY) == {"steady", "switch"}

    alpaca.control.add_fault(match=BARS_ROUTE, action="status", status=429, times=1)
    alpaca.control.add_fault(
        match=BARS_ROUTE, action="truncate_body", stage="after_commit", when={"nth": 2}, times=1
    )
    again = alpaca.run(TUESDAY)
    assert again.success
    assert alpaca.fired() == [1, 1]
    assert (snapshots.get(TUESDAY).sha256, snapshots.get(TUESDAY).superseded) == (once.sha256, ())
    (made,) = again.asset_materializations_for_node("daily_bars")
    assert made.metadata["taken"].value == "again, the same"
    assert not list(alpaca.world.home.downloads.glob("*"))  # the parts of the downloads are gone


def test_a_feed_of_actions_that_failed_stops_the_books_of_what_was_restated(
    alpaca: Alpaca,
) -> None:
    alpaca.run(TUESDAY, job="bars")
    alpaca.control.advance_to(evening_of(WEDNESDAY))
    alpaca.control.add_fault(action="status", status=403, match=ACTIONS_ROUTE)
    failed = alpaca.run(WEDNESDAY)
    assert alpaca.fired() == [1]
    assert alpaca.books_with_signal(WEDNESDAY) == {"steady"}
    reason = alpaca.why_not("switch", WEDNESDAY)
    assert f"BIL (restated): BIL: the past to 2024-01-02 is scaled by {FACTOR:.6f}" in reason
    assert "cannot be judged, because the feed of corporate actions failed" in reason
    assert "take the bars again" in reason
    assert not check_of(failed, "restated").passed
    (told,) = alpaca.findings(WEDNESDAY).filter(pl.col("symbol").is_null())["says"]
    assert told.startswith(
        "corporate_actions of 2024-01-03: Alpaca (sip): expected corporate actions of BIL and 3 "
        "more, was HTTP 403"
    )

    alpaca.control.clear_faults()
    assert alpaca.run(WEDNESDAY).success
    assert alpaca.books_with_signal(WEDNESDAY) == {"steady", "switch"}
    assert alpaca.findings(WEDNESDAY).is_empty()


def test_bars_taken_again_on_the_morning_of_a_split_are_explained_by_it(alpaca: Alpaca) -> None:
    """As the sensor does, or the repair at noon: the vendor has halved TLT's past by then."""
    alpaca.run(TUESDAY, job="bars")
    alpaca.control.advance_to(session_open(THURSDAY) + timedelta(minutes=30))
    alpaca.run(WEDNESDAY, job="bars")
    records = alpaca.world.records
    bonds = records.snapshots.scan(WEDNESDAY).filter(TLT).collect()
    assert bonds["adj_close"].to_list() == (bonds["close"] / 2).to_list()
    assert alpaca.findings(WEDNESDAY).is_empty()
    actions = records.tables.read(["corporate_actions"], str(WEDNESDAY))
    assert actions.select("symbol", "ex_date", "kind").rows() == [
        ("BIL", WEDNESDAY, "dividend"),
        ("TLT", THURSDAY, "split"),
    ]
