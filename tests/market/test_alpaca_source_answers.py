"""What Alpaca answers, and what the source makes of it."""

from datetime import date

import pytest
from alpaca.data.historical import StockHistoricalDataClient

from alchemiser_dagster.api_calls import CallBudget
from alchemiser_dagster.market.bars import sift_bars
from alchemiser_dagster.market.sources import AlpacaSource, SourceError

from .alpaca_answers import WEEK, AlpacaData, Refusing, at, same_adjusted, source
from .tables import GOOD_FRIDAY, MON, THU, TUE, WED


class TestPrices:
    def test_prices_are_unadjusted_and_adj_close_is_adjusted(self):
        # a dividend of 5.21 goes ex on Wednesday: earlier closes shrink by 1 - 5.21 / 521 = 0.99
        data = AlpacaData({"raw": {"SPY": WEEK}, "all": {"SPY": WEEK | {MON: 514.8, TUE: 515.79}}})
        bars = source(data, at(THU, 20)).daily_bars(["SPY"], MON, THU)
        assert bars["close"].to_list() == [520.0, 521.0, 522.0, 523.0]
        assert bars["adj_close"].to_list() == [514.8, 515.79, 522.0, 523.0]

    @pytest.mark.parametrize("lacking", ["raw", "all"])
    def test_a_bar_that_is_there_once_only_sets_its_own_symbol_aside(self, lacking):
        closes = {"SPY": WEEK, "QQQ": WEEK}
        data = AlpacaData({"raw": closes, "all": closes})
        data.closes[lacking] = closes | {"SPY": {MON: 520.0, TUE: 521.0}}
        bars = source(data, at(THU, 20)).daily_bars(["SPY", "QQQ"], MON, THU)
        unpaired = bars.filter(bars["close"].is_null() | bars["adj_close"].is_null())
        assert unpaired.select("symbol", "date").rows() == [("SPY", WED), ("SPY", THU)]
        sound, set_aside = sift_bars(bars)
        assert sound["symbol"].unique().to_list() == ["QQQ"]
        assert set_aside["symbol"].unique().to_list() == ["SPY"]

    def test_a_bar_that_comes_twice_is_there_twice_and_no_more(self):
        class Repeating(AlpacaData):
            def page(self, query):
                page = super().page(query)
                return page | {"bars": {s: bars * 2 for s, bars in page["bars"].items()}}

        data = Repeating({"raw": {"SPY": {MON: 520.0}}, "all": {"SPY": {MON: 520.0}}})
        bars = source(data, at(THU, 20)).daily_bars(["SPY"], MON, THU)
        assert bars["date"].to_list() == [MON, MON]
        assert sift_bars(bars)[0].is_empty()

    def test_the_order_in_which_bars_come_does_not_matter(self):
        class Reversed(AlpacaData):
            def page(self, query):
                page = super().page(query)
                return page | {"bars": {s: b[::-1] for s, b in reversed(page["bars"].items())}}

        closes = {"raw": {"SPY": WEEK, "QQQ": WEEK}, "all": {"SPY": WEEK, "QQQ": WEEK}}
        bars = [
            source(kind(closes), at(THU, 20)).daily_bars(["SPY", "QQQ"], MON, THU)
            for kind in (AlpacaData, Reversed)
        ]
        assert bars[0].equals(bars[1])

    def test_broken_bars_come_as_they_are(self):
        data = same_adjusted({"SPY": WEEK | {GOOD_FRIDAY: 524.0, TUE: -1.0}})
        bars = source(data, at(date(2024, 4, 1), 20)).daily_bars(["SPY"], MON, date(2024, 4, 1))
        assert bars["close"].to_list() == [520.0, -1.0, 522.0, 523.0, 524.0]


class TestFailures:
    def failure(self, data: AlpacaData) -> str:
        with pytest.raises(SourceError) as caught:
            source(data, at(THU, 20)).daily_bars(["SPY", "QQQ"], MON, THU)
        return str(caught.value)

    def test_a_refusal_is_told_with_alpacas_words_and_what_to_do(self):
        message = self.failure(
            Refusing(403, {"message": "subscription does not permit querying recent SIP data"})
        )
        assert "Alpaca (sip): expected daily bars of QQQ and 1 more, was HTTP 403" in message
        assert "subscription does not permit" in message
        assert "use the feed iex" in message

    @pytest.mark.parametrize(
        ("status", "remedy"),
        [(401, "check the API key"), (403, "check the API key"), (404, "fetch again")],
    )
    def test_refusals_are_final(self, status, remedy):
        budget = CallBudget(wait=lambda _: pytest.fail("expected no pause"))
        refusing = AlpacaSource(
            Refusing(status, {"message": "forbidden."}).client(),
            now=lambda: at(THU, 20),
            budget=budget,
        )
        with pytest.raises(SourceError, match=f"HTTP {status}.*forbidden.*{remedy}"):
            refusing.daily_bars(["SPY"], MON, THU)
        assert budget.calls == 1

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            ({"bars": None}, "AttributeError"),
            ({"bars": 1}, "AttributeError"),
            ({"nothing": {}}, "ValueError"),
            ({"bars": {}, "quotes": {}}, "ValueError"),
            ([], "ValueError"),
            ({"bars": {"SPY": None}}, "TypeError"),
            ({"bars": {"SPY": [None]}}, "TypeError"),
            ({"bars": {"SPY": [{}]}}, "KeyError: 't'"),
        ],
    )
    def test_answers_of_another_form_are_told(self, body, says):
        assert says in self.failure(Refusing(200, body))

    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            ({"t": "soon"}, "ValueError: Invalid isoformat string: 'soon'"),
            ({"t": None}, "TypeError"),
            ({"t": "2024-03-25T04:00:00"}, "was the naive 2024-03-25"),
            ({"o": "520.0"}, "TypeError"),
            ({"v": {}}, "TypeError"),
        ],
    )
    def test_bars_of_another_form_are_told(self, changed, says):
        bar = {"t": "2024-03-25T04:00:00Z"} | dict.fromkeys("ohlcv", 1) | changed
        assert says in self.failure(Refusing(200, {"bars": {"SPY": [bar]}}))

    def test_no_answer_at_all(self):
        client = StockHistoricalDataClient("key", "secret", url_override="http://127.0.0.1:9")
        pauses: list[float] = []
        with pytest.raises(SourceError, match="ConnectionError"):
            AlpacaSource(
                client, now=lambda: at(THU, 20), budget=CallBudget(wait=pauses.append)
            ).daily_bars(["SPY"], MON, THU)
        assert pauses == [1.0, 2.0, 4.0]
