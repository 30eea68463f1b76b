"""What every source of bars promises, tested on each of them over the same ten sessions."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.market.actions import ACTIONS_SCHEMA, empty_actions
from alchemiser_dagster.market.bars import (
    BARS_SCHEMA,
    PRICES,
    BarsColumnError,
    UnreadableBarsError,
    checked_bars,
    missing_symbols,
)
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.sources import (
    AlpacaSource,
    BarSource,
    FileSource,
    SourceError,
    SyntheticSource,
)
from alchemiser_dagster.market.synthetic import synthetic_bars

from .alpaca_answers import AlpacaData
from .alpaca_server import evening_of, source_on
from .tables import MON, TUE, bar, table, written
from .test_bars import REAL_BARS

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
    """Alpaca's clients on the embedded broker, in the evening of the last session."""
    state = tmp_path_factory.mktemp("broker") / "broker.sqlite"
    with EmbeddedBroker(bars_of_the_span(), state, opened_at=evening_of(LAST)) as broker:
        yield source_on(broker, evening_of(LAST))


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

    def test_m23_knows_every_spelling_of_a_share_class(self, source):
        dotted = source.daily_bars(["BRK.B"], FIRST, LAST)
        assert dotted["symbol"].unique().to_list() == ["BRK.B"]
        for spellings in (["BRK/B", "BRK.B"], ["BRK-B"], ["brk/b"]):
            assert source.daily_bars(spellings, FIRST, LAST).equals(dotted)

    def test_m20_gives_nothing_for_what_it_does_not_have_and_does_not_fill_it(self, source):
        bars = source.daily_bars(["SPY", "NOSUCH"], date(2024, 3, 28), date(2024, 3, 28))
        assert bars.select("symbol", "date").rows() == [("SPY", date(2024, 3, 28))]

    def test_gives_the_same_bars_twice(self, source):
        once = source.daily_bars(SYMBOLS, FIRST, LAST)
        assert source.daily_bars(reversed(SYMBOLS), FIRST, LAST).equals(once)

    def test_gives_the_closes_of_the_market_behind_it(self, source):
        bars = source.daily_bars(SYMBOLS, FIRST, LAST)
        assert bars["close"].equals(bars_of_the_span()["close"])
        assert bars["adj_close"].equals(bars_of_the_span()["adj_close"])

    def test_fetches_the_same_bars_and_says_how_many_it_has_dropped(self, source):
        fetched = source.fetch(SYMBOLS, FIRST, LAST)
        assert fetched.bars.equals(source.daily_bars(SYMBOLS, FIRST, LAST))
        assert fetched.dropped_partial == 0

    def test_gives_a_table_of_actions_or_has_none(self, source):
        actions = source.corporate_actions(SYMBOLS, FIRST, LAST)
        assert actions is None or actions.equals(empty_actions())

    def test_says_which_feed_it_has(self, source):
        assert source.feed == ("sip" if isinstance(source, AlpacaSource) else None)


class TestSourcesWithActions:
    """SPY pays 1.59 on the Thursday, and its shares become two on the Monday after."""

    EX, SPLIT = date(2024, 3, 28), date(2024, 4, 1)

    @pytest.fixture(params=["file", "embedded"])
    def source(self, request, tmp_path) -> Iterator[BarSource]:
        after = pl.col("date") >= self.SPLIT
        own = bars_of_the_span().filter(pl.col("symbol") == "SPY")
        (before_ex,) = own.filter(pl.col("date") == date(2024, 3, 27))["close"]
        paid = pl.when(pl.col("date") >= self.EX).then(1.0).otherwise(1 - 1.59 / before_ex)
        halved = [pl.when(after).then(pl.col(name) / 2).otherwise(name) for name in PRICES]
        market = own.with_columns(
            *(price.alias(name) for name, price in zip(PRICES, halved, strict=True)),
            adj_close=pl.col("close") / 2 * paid,
            split=pl.when(pl.col("date") == self.SPLIT).then(2.0),
            dividend=pl.when(pl.col("date") == self.EX).then(1.59).otherwise(0.0),
        )
        if request.param == "file":
            yield FileSource(written(tmp_path, market))
            return
        with EmbeddedBroker(
            market, tmp_path / "broker.sqlite", opened_at=evening_of(LAST)
        ) as broker:
            yield source_on(broker, evening_of(LAST))

    def test_gives_dividends_and_splits(self, source):
        actions = source.corporate_actions(["SPY", "TLT"], FIRST, LAST)
        assert actions.schema == ACTIONS_SCHEMA
        assert actions.rows() == [
            ("SPY", self.EX, "dividend", 1.59, None, None),
            ("SPY", self.SPLIT, "split", None, 2.0, None),
        ]

    def test_gives_those_of_the_span_both_ends_included(self, source):
        assert source.corporate_actions(["SPY"], self.EX, self.SPLIT).height == 2
        assert source.corporate_actions(["SPY"], FIRST, self.EX)["kind"].to_list() == ["dividend"]
        assert source.corporate_actions(["SPY"], self.SPLIT, LAST)["kind"].to_list() == ["split"]
        assert source.corporate_actions(["SPY"], FIRST, FIRST).equals(empty_actions())
        assert source.corporate_actions(["TLT"], FIRST, LAST).equals(empty_actions())


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


def test_a_broken_row_comes_as_it_is(tmp_path):
    source = FileSource(written(tmp_path, table(bar("SPY", MON, 520.0), bar("TLT", MON, -1.0))))
    assert source.daily_bars(["SPY", "TLT"], MON, MON)["close"].to_list() == [520.0, -1.0]


@pytest.mark.parametrize("ask", [FileSource.daily_bars, FileSource.corporate_actions])
class TestFilesThatCannotBeUsed:
    def test_one_without_a_column_is_refused_whole(self, tmp_path, ask):
        source = FileSource(written(tmp_path, table(bar("SPY", MON, 520.0)).drop("close")))
        with pytest.raises(BarsColumnError, match="close missing"):
            ask(source, ["SPY"], MON, MON)

    @pytest.mark.parametrize("content", [None, b"", b"PAR1 and nothing else"])
    def test_one_that_cannot_be_read_is_refused_whole(self, tmp_path, ask, content):
        path = tmp_path / "bars.parquet"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UnreadableBarsError, match="expected a"):
            ask(FileSource(path), ["SPY"], MON, MON)


class TestActionsOfFiles:
    def actions(self, folder: Path, *rows: dict) -> pl.DataFrame | None:
        path = written(folder, table(*rows))
        return FileSource(path).corporate_actions(["SPY", "BRK.B"], MON, TUE)

    def test_a_file_without_columns_for_them_has_no_feed(self, tmp_path):
        assert self.actions(tmp_path, bar("SPY", MON, 520.0)) is None

    def test_a_file_in_whose_column_there_is_nothing_knows_of_no_action(self, tmp_path):
        found = self.actions(tmp_path, bar("SPY", MON, 520.0, dividend=None))
        assert found is not None
        assert found.equals(empty_actions())

    def test_one_column_is_enough(self, tmp_path):
        found = self.actions(tmp_path, bar("BRK/B", MON, 520.0, dividend=0.35))
        assert found.rows() == [("BRK.B", MON, "dividend", 0.35, None, None)]
        found = self.actions(tmp_path, bar("SPY", MON, 520.0, split=0.1))
        assert found.rows() == [("SPY", MON, "split", None, 0.1, None)]

    def test_nothing_is_written_in_several_ways(self, tmp_path):
        nothing = [bar("SPY", MON, 520.0, dividend=None, split=None)]
        nothing += [bar("SPY", TUE, 520.0, dividend=0.0, split=number) for number in (0.0, 1.0)]
        assert self.actions(tmp_path, *nothing).equals(empty_actions())

    def test_a_file_written_anew_is_read_anew(self, tmp_path):
        assert self.actions(tmp_path, bar("SPY", MON, 520.0, split=4.0))["ratio"].to_list() == [4.0]
        assert self.actions(tmp_path, bar("SPY", MON, 520.0, split=3.0))["ratio"].to_list() == [3.0]

    @pytest.mark.parametrize("column", ["dividend", "split"])
    @pytest.mark.parametrize("number", [-0.5, float("nan"), float("inf")])
    def test_a_number_that_is_no_amount_names_its_row(self, tmp_path, column, number):
        with pytest.raises(SourceError, match=f"a {column} above 0 .* was {number} of SPY"):
            self.actions(tmp_path, bar("SPY", MON, 520.0, **{column: number}))

    def test_a_column_of_another_type_is_refused(self, tmp_path):
        with pytest.raises(BarsColumnError, match="dividend was String"):
            self.actions(tmp_path, bar("SPY", MON, 520.0, dividend="0.35"))


@pytest.mark.skipif(not REAL_BARS.exists(), reason="no real bars here")
def test_actions_of_a_real_file():
    source = FileSource(REAL_BARS)
    splits = source.corporate_actions(["USO"], date(2020, 4, 29), date(2020, 4, 29))
    assert splits.rows() == [("USO", date(2020, 4, 29), "split", None, 0.125, None)]
    paid = source.corporate_actions(["SPY"], date(2024, 1, 1), date(2024, 12, 31))
    assert paid["kind"].to_list() == ["dividend"] * 4
    assert 6 < paid["amount"].sum() < 8
