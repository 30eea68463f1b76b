"""Completed daily bars through the real alpaca-py client."""

from datetime import UTC, date, datetime, timedelta

import pytest
from alpaca.data.enums import DataFeed

from alchemiser_dagster.market.bars import missing_symbols
from alchemiser_dagster.market.sessions import SessionError
from alchemiser_dagster.market.sources import AlpacaSource, SourceError
from alchemiser_dagster.market.sources.alpaca import SYMBOLS_PER_REQUEST
from alchemiser_dagster.market.sources.alpaca_bars import request_window, session_of

from .alpaca_answers import WEEK, AlpacaData, Generous, at, same_adjusted, source
from .tables import GOOD_FRIDAY, MON, SATURDAY, THU, TUE, WED


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

    def test_a_partial_bar_that_comes_unasked_is_dropped_and_counted(self, caplog):
        data = Generous({"raw": {"SPY": WEEK, "QQQ": WEEK}, "all": {"SPY": WEEK, "QQQ": WEEK}})
        fetched = source(data, at(THU, 11)).fetch(["SPY", "QQQ"], MON, THU)
        assert fetched.bars["date"].to_list() == [MON, TUE, WED] * 2
        assert fetched.dropped_partial == 2
        assert "2 bars outside 2024-03-25..2024-03-27 dropped, 2 of them" in caplog.text

    def test_bars_before_the_span_are_dropped_and_are_no_partial_ones(self):
        fetched = source(Generous({"raw": {"SPY": WEEK}, "all": {"SPY": WEEK}}), at(THU, 20)).fetch(
            ["SPY"], WED, THU
        )
        assert fetched.bars["date"].to_list() == [WED, THU]
        assert fetched.dropped_partial == 0

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
        assert asked == [("raw", 100), ("all", 100), ("raw", 1), ("all", 1)]
        assert len(data.requests) > len(firsts)

    def test_a_long_history_goes_into_requests_of_fewer_symbols(self):
        """27 years are 7,000 sessions: eight symbols to 60,000 bars."""
        symbols = [f"S{n}" for n in range(20)]
        data = same_adjusted(dict.fromkeys(symbols[:2], WEEK))
        source(data, at(THU, 20)).daily_bars(symbols, date(1997, 1, 2), THU)
        raw = [query["symbols"] for query in data.requests if query["adjustment"] == "raw"]
        assert {names.count(",") + 1 for names in raw} == {8, 4}

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


JANUARY, JULY = ({date(2026, month, day): 100.0 + day for day in (13, 14, 15)} for month in (1, 7))


class TestDocumentedCases:
    """What a request at a given time has to give, in winter and in summer."""

    def dates(self, closes: dict[date, float], now: datetime, first: date, last: date) -> list:
        bars = source(same_adjusted({"SPY": closes}), now).daily_bars(["SPY"], first, last)
        return bars["date"].to_list()

    def test_m1_the_last_session_is_in_the_window_in_winter(self):
        day = date(2026, 1, 15)
        start, end = request_window(day, day, at(date(2026, 1, 20), 12))
        assert start == datetime(2026, 1, 15, 5, tzinfo=UTC)
        assert end == datetime(2026, 1, 16, 5, tzinfo=UTC) - timedelta(microseconds=1)
        assert self.dates(JANUARY, at(day, 20), day, day) == [day]

    def test_m2_the_last_session_is_in_the_window_in_summer_and_the_next_is_not(self):
        day, before = date(2026, 7, 15), date(2026, 7, 14)
        assert self.dates(JULY, at(day, 20), day, day) == [day]
        assert self.dates(JULY, at(day, 20), before, before) == [before]

    def test_m3_a_stamp_is_a_midnight_in_new_york(self):
        assert session_of("2026-01-15T05:00:00Z") == date(2026, 1, 15)
        assert session_of("2026-07-15T04:00:00Z") == date(2026, 7, 15)
        for stamp in ("2026-01-16T00:00:00Z", "2026-01-15T04:00:00Z", "2026-07-15T05:00:00Z"):
            with pytest.raises(ValueError, match="midnight New York"):
                session_of(stamp)

    def test_m3_bars_of_any_other_time_are_refused(self):
        class Utc(AlpacaData):
            def page(self, query):
                bar = {"t": "2026-01-16T00:00:00Z"} | dict.fromkeys("ohlcv", 1.0)
                return {"bars": {"SPY": [bar]}, "next_page_token": None}

        with pytest.raises(SourceError, match="midnight New York, was 2026-01-16T00:00:00Z"):
            source(Utc({}), at(date(2026, 1, 16), 20)).daily_bars(
                ["SPY"], date(2026, 1, 13), date(2026, 1, 16)
            )

    def test_m4_at_noon_the_bar_of_today_is_dropped_and_counted(self):
        data = Generous({"raw": {"SPY": JANUARY}, "all": {"SPY": JANUARY}})
        fetched = source(data, at(date(2026, 1, 15), 12)).fetch(
            ["SPY"], date(2026, 1, 13), date(2026, 1, 15)
        )
        assert fetched.bars["date"].max() == date(2026, 1, 14)
        assert fetched.dropped_partial == 1

    @pytest.mark.parametrize(("minute", "last"), [(5, 14), (20, 15)])
    def test_m5_a_session_is_over_a_quarter_of_an_hour_after_its_close(self, minute, last):
        now = at(date(2026, 1, 15), 16, minute)
        dates = self.dates(JANUARY, now, date(2026, 1, 13), date(2026, 1, 15))
        assert dates[-1] == date(2026, 1, last)

    def test_m6_a_session_that_closes_early_is_over_early(self):
        day = date(2026, 11, 27)
        assert self.dates({day: 100.0}, at(day, 13, 20), day, day) == [day]
        assert self.dates({day: 100.0}, at(day, 13, 10), day, day) == []

    def test_m20_a_symbol_of_which_nothing_comes_is_missing(self):
        bars = source(same_adjusted({"QQQ": WEEK}), at(THU, 20)).daily_bars(
            ["SPY", "QQQ"], MON, THU
        )
        assert missing_symbols(bars, ["SPY", "QQQ"]) == ["SPY"]
