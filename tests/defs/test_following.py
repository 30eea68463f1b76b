"""What follows the trading by itself, when days are missed and bars come late."""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from alchemiser_dagster.market.sessions import NEW_YORK
from tests.world import STEADY

from .conftest import INCEPTION, SESSIONS, make_world

FIRST, SECOND = (session.isoformat() for session in SESSIONS[:2])
NEXT_MORNING = datetime(2024, 1, 4, 9, 31, tzinfo=NEW_YORK)


class Automation:
    """The definitions of a book, asked tick by tick what they want to have made."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._definitions, self._instance = definitions, instance
        self._cursor: dg.AssetDaemonCursor | None = None  # type: ignore[name-defined]
        self._at = datetime(2024, 1, 3, 15, 58, tzinfo=NEW_YORK)

    def tick(
        self, *made: tuple[str, str | None], at: datetime | None = None
    ) -> dict[str, set[str]]:
        """What is requested once `made` are there: sessions by key, none for a whole asset."""
        for key, partition in made:
            asset = dg.AssetKey(key.split("/"))
            self._instance.report_runless_asset_event(
                dg.AssetMaterialization(asset, partition=partition)
            )
        self._at = at or self._at + timedelta(minutes=1)
        ticked = dg.evaluate_automation_conditions(
            self._definitions, self._instance, cursor=self._cursor, evaluation_time=self._at
        )
        self._cursor = ticked.cursor
        wanted = {}
        for key in ("performance/steady", "portfolio_performance", "account_performance"):
            asset = dg.AssetKey(key.split("/"))
            if ticked.get_num_requested(asset):
                wanted[key] = set(ticked.get_requested_partitions(asset))
        if ticked.get_num_requested(dg.AssetKey("equity_history")):
            wanted["equity_history"] = set()
        return wanted


@pytest.fixture
def automation(tmp_path: Path) -> Automation:
    """An account that did not trade on the first day."""
    definitions = make_world(tmp_path, {"steady": (STEADY, "1")}).definitions()
    with dg.DagsterInstance.ephemeral() as instance:
        made = Automation(definitions, instance)
        made.tick()
        made.tick(("daily_bars", INCEPTION.isoformat()), ("daily_bars", FIRST))
        yield made  # type: ignore[misc]


def test_a_day_that_was_not_traded_stands_in_nobodys_way(automation: Automation) -> None:
    traded = [("trading_session", SECOND), ("account", SECOND), ("lots/steady", SECOND)]
    automation.tick(*traded)
    evening = automation.tick(("daily_bars", SECOND))
    assert evening["equity_history"] == set()
    assert evening["performance/steady"] == evening["portfolio_performance"] == {SECOND}
    after = automation.tick(
        ("performance/steady", SECOND), ("portfolio_performance", SECOND), ("equity_history", None)
    )
    assert SECOND in (evening | after)["account_performance"]


def test_bars_that_come_the_next_morning_are_followed(automation: Automation) -> None:
    automation.tick(("trading_session", SECOND), ("account", SECOND), ("lots/steady", SECOND))
    morning = automation.tick(("daily_bars", SECOND), at=NEXT_MORNING)
    assert morning["performance/steady"] == morning["portfolio_performance"] == {SECOND}


def test_an_equity_that_comes_a_day_later_is_taken_in(automation: Automation) -> None:
    automation.tick(("trading_session", SECOND), ("account", SECOND), ("lots/steady", SECOND))
    automation.tick(("daily_bars", SECOND))
    automation.tick(("portfolio_performance", SECOND), ("equity_history", None))
    automation.tick(("account_performance", SECOND))
    assert automation.tick() == {}
    later = automation.tick(("equity_history", None), at=NEXT_MORNING)
    assert later == {"account_performance": {SECOND}}
