"""Completed daily bars through the real alpaca-py client."""

from datetime import UTC, date, datetime, timedelta

import pytest
from alpaca.data.enums import DataFeed
from alpaca.data.historical import StockHistoricalDataClient

from alchemiser_dagster.market.bars import BarsRowError, missing_symbols
from alchemiser_dagster.market.sessions import NEW_YORK, SessionError
from alchemiser_dagster.market.sources import AlpacaSource, SourceError
from alchemiser_dagster.market.sources.alpaca import SYMBOLS_PER_REQUEST, request_window

from .alpaca_answers import AlpacaData, Refusing
from .tables import GOOD_FRIDAY, MON, SATURDAY, THU, TUE, WED

WEEK = {MON: 520.0, TUE: 521.0, WED: 522.0, THU: 523.0}


def same_adjusted(closes: dict[str, dict[date, float]]) -> AlpacaData:
    return AlpacaData({"raw": closes, "all": closes})


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)


def source(data: AlpacaData, now: datetime) -> AlpacaSource:
    return AlpacaSource(data.client(), DataFeed.SIP, lambda: now)


class TestRequestWindow:
    NIGHT_AFTER = datetime(2024, 7, 10, tzinfo=UTC)

    def test_from_midnight_to_the_last_microsecond_in_new_york(self):
        start, end = request_window(date(2024, 3, 8), date(2024, 3, 11), self.NIGHT_AFTER)
        # the clocks went forward on 10 March 2024: -05:00 before, -04:00 after
        assert start == datetime(2024, 3, 8, 5, tzinfo=UTC)
        assert end == datetime(2024, 3, 12, 4, tzinfo=UTC) - timedelta(microseconds=1)

    def test_never_into_the_last_minutes_before_now(self):
        now = at(THU, 16, 20)
        assert request_window(MON, THU, now)[1] == at(THU, 16, 5)

    def test_a_naive_now_is_refused(self):
        with pytest.raises(SessionError, match="naive"):
            request_window(MON, THU, datetime(2024, 3, 28, 21))  # noqa: DTZ001


class TestCompletedBars:
    def test_the_last_session_is_there_as_soon_as_it_has_settled(self):
        bars = source(same_adjusted({"SPY": WEEK}), at(THU, 16, 15)).daily_bars(["SPY"], MON, THU)
        assert bars["date"].to_list() == [MON, TUE, WED, THU]
        assert bars["close"].to_list() == [520.0, 521.0, 522.0, 523.0]

    @pytest.mark.parametrize("now", [at(THU, 11), at(THU, 15, 59), at(THU, 16, 14)])
    def test_the_session_under_way_is_never_there(self, now):
        bars = source(same_adjusted({"SPY": WEEK}), now).daily_bars(["SPY"], MON, THU)
        assert bars["date"].to_list() == [MON, TUE, WED]

    def test_a_partial_bar_that_comes_unasked_is_dropped(self):
        class Generous(AlpacaData):
            def page(self, query):
                return super().page(query | {"end": "2030-01-01T00:00:00+00:00"})

        data = Generous({"raw": {"SPY": WEEK}, "all": {"SPY": WEEK}})
        bars = source(data, at(THU, 11)).daily_bars(["SPY"], MON, THU)
        assert bars["date"].to_list() == [MON, TUE, WED]

    def test_a_span_may_end_on_a_day_without_session_or_ahead_of_time(self):
        now = at(SATURDAY, 12)
        data = same_adjusted({"SPY": WEEK})
        for last in (GOOD_FRIDAY, SATURDAY, date(2024, 12, 31)):
            bars = source(data, now).daily_bars(["SPY"], WED, last)
            assert bars["date"].to_list() == [WED, THU]

    def test_a_span_that_lies_ahead_is_empty_and_asks_nothing(self):
        data = same_adjusted({"SPY": WEEK})
        assert source(data, at(WED, 12)).daily_bars(["SPY"], THU, THU).is_empty()
        assert data.requests == []


class TestRequests:
    def test_many_symbols_go_into_few_requests_and_pages_are_followed(self):
        symbols = [f"S{n}" for n in range(SYMBOLS_PER_REQUEST + 1)]
        data = same_adjusted(dict.fromkeys(symbols[:2], WEEK))
        bars = source(data, at(THU, 20)).daily_bars(symbols, MON, THU)
        assert bars.height == 8
        assert missing_symbols(bars, symbols[:4]) == ["S2", "S3"]
        firsts = [query for query in data.requests if "page_token" not in query]
        asked = [(query["adjustment"], query["symbols"].count(",") + 1) for query in firsts]
        assert asked == [("raw", 100), ("raw", 1), ("all", 100), ("all", 1)]
        assert len(data.requests) > len(firsts)

    def test_the_feed_is_always_named(self):
        data = same_adjusted({"SPY": WEEK})
        AlpacaSource(data.client(), DataFeed.IEX, lambda: at(THU, 20)).daily_bars(["SPY"], MON, THU)
        assert {query["feed"] for query in data.requests} == {"iex"}
        assert {query["timeframe"] for query in data.requests} == {"1Day"}

    def test_share_classes_are_spelled_with_a_dot(self):
        data = same_adjusted({"BRK.B": WEEK})
        bars = source(data, at(THU, 20)).daily_bars(["BRK/B"], MON, MON)
        assert bars["symbol"].to_list() == ["BRK.B"]
        assert data.requests[0]["symbols"] == "BRK.B"


class TestPrices:
    def test_prices_are_unadjusted_and_adj_close_is_adjusted(self):
        # a dividend of 5.21 goes ex on Wednesday: earlier closes shrink by 1 - 5.21 / 521 = 0.99
        data = AlpacaData({"raw": {"SPY": WEEK}, "all": {"SPY": WEEK | {MON: 514.8, TUE: 515.79}}})
        bars = source(data, at(THU, 20)).daily_bars(["SPY"], MON, THU)
        assert bars["close"].to_list() == [520.0, 521.0, 522.0, 523.0]
        assert bars["adj_close"].to_list() == [514.8, 515.79, 522.0, 523.0]

    def test_a_bar_without_its_adjusted_twin_is_refused(self):
        data = AlpacaData({"raw": {"SPY": WEEK}, "all": {"SPY": {MON: 520.0, TUE: 521.0}}})
        with pytest.raises(SourceError, match=r"was 2 with one only, .* SPY on 2024-03-27"):
            source(data, at(THU, 20)).daily_bars(["SPY"], MON, THU)

    def test_bars_that_break_the_rules_are_refused(self):
        data = same_adjusted({"SPY": WEEK | {GOOD_FRIDAY: 524.0}})
        with pytest.raises(BarsRowError, match=r"no NYSE session: SPY 2024-03-29"):
            source(data, at(date(2024, 4, 1), 20)).daily_bars(["SPY"], MON, date(2024, 4, 1))


class TestFailures:
    def failure(self, data: AlpacaData) -> str:
        with pytest.raises(SourceError) as caught:
            source(data, at(THU, 20)).daily_bars(["SPY", "QQQ"], MON, THU)
        return str(caught.value)

    def test_a_refusal_is_told_with_alpacas_words(self):
        message = self.failure(
            Refusing(403, {"message": "subscription does not permit querying recent SIP data"})
        )
        assert "Alpaca (sip): expected daily bars of QQQ and 1 more" in message
        assert "subscription does not permit" in message

    def test_answers_of_another_form_are_told(self):
        assert "AttributeError" in self.failure(Refusing(200, {"bars": None}))
        assert "ValueError" in self.failure(Refusing(200, {"nothing": {}}))
        bar = {"t": "soon", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
        assert "ValidationError" in self.failure(Refusing(200, {"bars": {"SPY": [bar]}}))

    def test_a_client_of_raw_answers_is_refused(self):
        client = same_adjusted({"SPY": WEEK}).client()
        client._use_raw_data = True
        with pytest.raises(SourceError, match="build the client without raw_data"):
            AlpacaSource(client, now=lambda: at(THU, 20)).daily_bars(["SPY"], MON, THU)

    def test_no_answer_at_all(self):
        client = StockHistoricalDataClient("key", "secret", url_override="http://127.0.0.1:9")
        with pytest.raises(SourceError, match="ConnectionError"):
            AlpacaSource(client, now=lambda: at(THU, 20)).daily_bars(["SPY"], MON, THU)
