"""What every source of bars promises, tested on each of them over the same ten sessions."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from alpaca.data.historical import StockHistoricalDataClient

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.market.bars import (
    BARS_SCHEMA,
    BarsRowError,
    checked_bars,
    missing_symbols,
)
from alchemiser_dagster.market.sessions import NEW_YORK, sessions_between
from alchemiser_dagster.market.sources import AlpacaSource, BarSource, FileSource, SyntheticSource
from alchemiser_dagster.market.synthetic import synthetic_bars

from .alpaca_answers import AlpacaData
from .tables import MON, bar, table, written

# Good Friday within
FIRST, LAST = date(2024, 3, 21), date(2024, 4, 4)
SYMBOLS = ["BRK.B", "SPY", "TLT"]
SEED = 5


def bars_of_the_span() -> pl.DataFrame:
    return synthetic_bars(SEED, SYMBOLS, FIRST, LAST)


def file_source(folder: Path) -> BarSource:
    return FileSource(written(folder, bars_of_the_span()))


def alpaca_source() -> BarSource:
    closes = {
        symbol: dict(bars_of_the_span().filter(pl.col("symbol") == symbol)["date", "close"].rows())
        for symbol in SYMBOLS
    }
    data = AlpacaData({"raw": closes, "all": closes})
    return AlpacaSource(data.client(), now=lambda: datetime(2024, 4, 4, 22, tzinfo=UTC))


@pytest.fixture(scope="module")
def embedded_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BarSource]:
    """Alpaca's client on the embedded broker, in the evening of the last session."""
    evening = datetime(2024, 4, 4, 18, tzinfo=NEW_YORK)
    state = tmp_path_factory.mktemp("broker") / "broker.sqlite"
    with EmbeddedBroker(bars_of_the_span(), state, opened_at=evening) as broker:
        client = StockHistoricalDataClient(
            broker.api_key, broker.secret_key, url_override=broker.url
        )
        yield AlpacaSource(client, now=lambda: evening)


@pytest.fixture(params=["file", "synthetic", "alpaca", "embedded"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> BarSource:
    match request.param:
        case "file":
            return file_source(tmp_path)
        case "synthetic":
            return SyntheticSource(SEED)
        case "alpaca":
            return alpaca_source()
        case _:
            embedded: BarSource = request.getfixturevalue("embedded_source")
            return embedded


class TestEverySource:
    def test_gives_the_bars_table_one_row_per_symbol_and_session(self, source):
        bars = source.daily_bars(SYMBOLS, FIRST, LAST)
        assert bars.schema == BARS_SCHEMA
        sessions = sessions_between(FIRST, LAST)
        assert len(sessions) == 10
        assert bars.select("symbol", "date").rows() == [
            (symbol, session) for symbol in SYMBOLS for session in sessions
        ]
        assert checked_bars(bars, origin=source.name).equals(bars)

    def test_gives_the_span_it_is_asked_for_both_ends_included(self, source):
        bars = source.daily_bars(["SPY"], date(2024, 3, 27), date(2024, 4, 1))
        assert bars["date"].to_list() == [
            date(2024, 3, 27),
            date(2024, 3, 28),
            date(2024, 4, 1),
        ]

    def test_gives_nothing_for_days_without_session(self, source):
        bars = source.daily_bars(["SPY"], date(2024, 3, 29), date(2024, 3, 31))
        assert bars.is_empty()
        assert bars.schema == BARS_SCHEMA

    def test_leaves_out_what_it_does_not_know(self, source):
        bars = source.daily_bars(["SPY", "NOSUCH"], FIRST, LAST)
        assert bars["symbol"].unique().to_list() == ["SPY"]
        assert missing_symbols(bars, ["SPY", "NOSUCH"]) == ["NOSUCH"]
        assert source.daily_bars(["NOSUCH"], FIRST, LAST).is_empty()
        assert source.daily_bars([], FIRST, LAST).is_empty()

    def test_knows_both_spellings_of_a_share_class(self, source):
        dotted = source.daily_bars(["BRK.B"], FIRST, LAST)
        assert dotted["symbol"].unique().to_list() == ["BRK.B"]
        assert source.daily_bars(["BRK/B", "BRK.B"], FIRST, LAST).equals(dotted)

    def test_gives_the_same_bars_twice(self, source):
        once = source.daily_bars(SYMBOLS, FIRST, LAST)
        assert source.daily_bars(reversed(SYMBOLS), FIRST, LAST).equals(once)

    def test_gives_the_closes_of_the_market_behind_it(self, source):
        bars = source.daily_bars(SYMBOLS, FIRST, LAST)
        assert bars["close"].equals(bars_of_the_span()["close"])
        assert bars["adj_close"].equals(bars_of_the_span()["adj_close"])


def test_sources_say_what_they_are_and_which_is_made_up(tmp_path):
    sources = [file_source(tmp_path), SyntheticSource(SEED), alpaca_source()]
    assert [source.name for source in sources] == [
        f"file {tmp_path / 'bars.parquet'}",
        "synthetic (seed 5)",
        "Alpaca (sip)",
    ]
    assert [source.is_synthetic for source in sources] == [False, True, False]


def test_a_file_written_anew_is_read_anew(tmp_path):
    source = FileSource(written(tmp_path, table(bar("SPY", MON, 520.0))))
    assert source.daily_bars(["SPY"], MON, MON)["close"].to_list() == [520.0]
    written(tmp_path, table(bar("SPY", MON, 521.0)))
    assert source.daily_bars(["SPY"], MON, MON)["close"].to_list() == [521.0]


def test_a_broken_row_of_any_symbol_refuses_the_whole_file(tmp_path):
    source = FileSource(written(tmp_path, table(bar("SPY", MON, 520.0), bar("TLT", MON, -1.0))))
    with pytest.raises(BarsRowError, match="TLT 2024-03-25"):
        source.daily_bars(["SPY"], MON, MON)
