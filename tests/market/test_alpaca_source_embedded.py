"""The real client on the embedded broker: pages, adjustments, corporate actions."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.market.actions import ACTIONS_SCHEMA, empty_actions
from alchemiser_dagster.market.bars import checked_bars
from alchemiser_dagster.market.sources import AlpacaSource

from .alpaca_server import Pauses, evening_of, history, made_up, source_on
from .tables import MON, THU, TUE, WED

EXACT = 1e-9


def test_more_than_a_page_of_bars_is_read_whole(tmp_path):
    """21 symbols of 500 sessions are 10,500 bars, two pages, twice."""
    first, last = date(2022, 1, 3), date(2023, 12, 28)
    symbols = [f"S{n:02d}" for n in range(21)]
    bars = made_up(symbols, first, last)
    assert bars.height == 10_500
    state = tmp_path / "broker.sqlite"
    with EmbeddedBroker(bars, state, opened_at=evening_of(last)) as broker:
        budget = Pauses().budget()
        source = source_on(broker, evening_of(last), budget=budget)
        assert checked_bars(source.daily_bars(symbols, first, last), "test").equals(
            checked_bars(bars, "test")
        )
        assert budget.calls == 4


F = 1 - 0.35 / 102
PAYER = history("PAYER", THU, 100, 101, 102, 102, adjusted=[F * 100, F * 101, F * 102, 102])
SPLITTER = history("SPLITTER", THU, 500, 510, 520, 53, adjusted=[50, 51, 52, 53], on_0328=10.0)
MERGED = history("MERGED", THU, 1, 2, 2, 21, adjusted=[10, 20, 20, 21], on_0328=0.1)
BOTH = history("BOTH", THU, 200, 200, 200, 99, adjusted=[99, 99, 99, 99], on_0328=2.0)


class TestActions:
    """On Thursday PAYER pays 0.35, one SPLITTER becomes ten, ten MERGED one, BOTH pays and splits.

    BOTH is at 200 and pays one dollar a new share: 200 / 2 x (1 - 99 / 100).
    """

    SYMBOLS = ("PAYER", "SPLITTER", "MERGED", "BOTH")

    @pytest.fixture
    def broker(self, tmp_path: Path) -> Iterator[EmbeddedBroker]:
        bars = pl.concat([PAYER, SPLITTER, MERGED, BOTH])
        with EmbeddedBroker(bars, tmp_path / "b.sqlite", opened_at=evening_of(WED)) as broker:
            yield broker

    @pytest.fixture
    def source(self, broker: EmbeddedBroker) -> AlpacaSource:
        return source_on(broker, broker.control().now)

    def closes(self, source: AlpacaSource, symbol: str) -> tuple[list[float], list[float]]:
        bars = source.daily_bars([symbol], MON, THU)
        return bars["close"].to_list(), bars["adj_close"].to_list()

    def test_m8_a_dividend_changes_the_adjusted_closes_before_it(self, broker, source):
        assert self.closes(source, "PAYER")[1] == pytest.approx([100, 101, 102], rel=EXACT)
        broker.control().advance_to(evening_of(THU))
        traded, adjusted = self.closes(source, "PAYER")
        assert traded == [100, 101, 102, 102]
        assert adjusted == pytest.approx([99.6569, 100.6534, 101.65, 102], abs=5e-5)
        assert adjusted[0] / 100 == pytest.approx(0.996569, abs=5e-7)

    def test_m10_a_split_changes_them_by_its_ratio(self, broker, source):
        assert self.closes(source, "SPLITTER") == ([500, 510, 520], [500, 510, 520])
        broker.control().advance_to(evening_of(THU))
        assert self.closes(source, "SPLITTER") == (
            [500, 510, 520, 53],
            pytest.approx([50, 51, 52, 53], rel=EXACT),
        )
        assert self.closes(source, "MERGED")[1] == pytest.approx([10, 20, 20, 21], rel=EXACT)

    def test_actions_have_their_ex_date_and_size(self, broker, source):
        broker.control().advance_to(evening_of(THU))
        actions = source.corporate_actions(self.SYMBOLS, MON, THU)
        assert actions.schema == ACTIONS_SCHEMA
        assert actions.rows() == [
            ("BOTH", THU, "dividend", 1.0, None, None),
            ("BOTH", THU, "split", None, 2.0, None),
            ("MERGED", THU, "split", None, 0.1, None),
            ("PAYER", THU, "dividend", 0.35, None, None),
            ("SPLITTER", THU, "split", None, 10.0, None),
        ]

    def test_actions_are_cut_to_symbols_and_span(self, broker, source):
        broker.control().advance_to(evening_of(THU))
        assert source.corporate_actions(["PAYER"], THU, THU)["kind"].to_list() == ["dividend"]
        assert source.corporate_actions(["PAYER"], MON, WED).equals(empty_actions())
        assert source.corporate_actions([], MON, THU).equals(empty_actions())

    def test_there_are_none_before_their_day(self, source):
        assert source.corporate_actions(self.SYMBOLS, MON, THU).equals(empty_actions())

    def test_without_a_client_for_them_there_is_no_feed(self, broker):
        source = source_on(broker, evening_of(TUE))
        source._actions_client = None
        assert source.corporate_actions(self.SYMBOLS, MON, THU) is None


def test_more_than_a_page_of_actions_is_read_whole(tmp_path):
    """26 symbols that pay on each of 43 sessions but the first: 1,092 dividends."""
    first, last = date(2024, 1, 2), date(2024, 3, 4)
    symbols = [f"A{n:02d}" for n in range(26)]
    bars = made_up(symbols, first, last).with_columns(
        adj_close=pl.col("close") * 1.01 ** pl.int_range(pl.len()).over("symbol")
    )
    assert bars.height == 26 * 43
    state = tmp_path / "broker.sqlite"
    with EmbeddedBroker(bars, state, opened_at=evening_of(last)) as broker:
        budget = Pauses().budget()
        source = source_on(broker, evening_of(last), budget=budget)
        assert source.corporate_actions(symbols, first, last).height == 26 * 42
        assert budget.calls == 2
