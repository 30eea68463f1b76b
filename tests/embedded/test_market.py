"""The market made from daily bars: paths, quotes, dividends; and the clock's sessions."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.embedded.bars import BarTable
from alchemiser_dagster.embedded.clock import Phase, hours, next_boundary, phase_at
from alchemiser_dagster.embedded.dividends import dividend_on, dividends_between
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import cents, plain, rounded, tick_down, tick_up
from alchemiser_dagster.embedded.paths import draw_path
from tests.embedded.conftest import DIVIDEND_DAY, new_york, tiny_bars

PRICES = st.floats(0.01, 5000).map(lambda price: round(price, 2))
SESSION = date(2024, 3, 18)
OPEN = datetime(2024, 3, 18, 13, 30, tzinfo=UTC)


@given(prices=st.lists(PRICES, min_size=4, max_size=4), seed=st.integers(0, 50))
@settings(deadline=None)
def test_path_honours_its_bar(prices: list[float], seed: int) -> None:
    low, first, last, high = sorted(prices)
    path = draw_path(seed, "ANY", SESSION, (first, high, low, last), OPEN, 390)
    assert len(path.prices) == 391
    assert path.prices[0] == first
    assert path.prices[-1] == last
    assert path.prices.max() == high
    assert path.prices.min() == low
    whole = path.so_far(OPEN + timedelta(minutes=390))
    assert (whole.open, whole.high, whole.low, whole.last) == (first, high, low, last)
    assert path.price(OPEN + timedelta(days=1)) == last


@given(seconds=st.floats(0, 23400))
def test_what_has_been_seen_stays_in_the_range_so_far(seconds: float) -> None:
    path = draw_path(7, "ANY", SESSION, (20.0, 24.0, 16.0, 18.0), OPEN, 390)
    now = OPEN + timedelta(seconds=seconds)
    seen = path.so_far(now)
    assert seen.low <= path.price(now) <= seen.high
    assert path.so_far(OPEN + timedelta(seconds=seconds / 2)).high <= seen.high


def test_paths_of_symbols_days_and_seeds_differ() -> None:
    bar = (20.0, 24.0, 16.0, 18.0)
    drawn = {
        draw_path(seed, symbol, day, bar, OPEN, 390).prices.tobytes()
        for seed in (1, 2)
        for symbol in ("A", "B")
        for day in (SESSION, date(2024, 3, 19))
    }
    assert len(drawn) == 8
    again = draw_path(1, "A", SESSION, bar, OPEN, 390).prices.tobytes()
    assert again in drawn


def market_of(volume: float | None) -> Market:
    bars = tiny_bars().with_columns(volume=pl.lit(volume, pl.Float64))
    return Market(BarTable(bars), seed=7)


def spread(market: Market, symbol: str, at: str) -> float:
    """Ask less bid, as a part of the price between."""
    quote = market.quote(symbol, new_york(at))
    assert quote is not None
    return float((quote.ask - quote.bid) / (quote.ask + quote.bid) * 2)


def test_spread_is_wide_where_little_trades_and_at_the_edges_of_the_day() -> None:
    """WILD swings by 20 percent a day: with 100,000 shares of about 20 dollars, half the spread is
    0.02 x 2,000 bp x (2e6 / 1e7)^-0.35, about 0.7 percent."""
    thick, thin = market_of(1e8), market_of(1e5)
    noon = "2024-03-18 12:00"
    assert spread(thick, "STILL", noon) <= 0.0002
    usual = spread(thin, "WILD", noon)
    assert usual == pytest.approx(0.014, rel=0.2)
    assert spread(thick, "WILD", noon) < usual / 5
    assert spread(thin, "WILD", "2024-03-18 09:31") == pytest.approx(3 * usual, rel=0.1)
    assert spread(thin, "WILD", "2024-03-18 15:57") == pytest.approx(1.5 * usual, rel=0.1)
    assert spread(thin, "WILD", "2024-03-18 17:00") == pytest.approx(5 * usual, rel=0.1)


def test_market_without_volumes_has_quotes() -> None:
    quote = market_of(None).quote("CALM", new_york("2024-03-18 12:00"))
    assert quote is not None
    assert 0 < quote.bid < quote.ask


def test_quote_surrounds_the_price_on_ticks() -> None:
    market = market_of(1e6)
    for minute in range(0, 390, 13):
        now = new_york("2024-03-18 09:30") + timedelta(minutes=minute)
        for symbol in market.bars.symbols:
            quote, trade = market.quote(symbol, now), market.trade(symbol, now)
            assert quote is not None
            assert trade is not None
            assert quote.bid <= trade.price <= quote.ask
            assert quote.bid < quote.ask
            assert quote.bid == tick_down(quote.bid)
            assert quote.ask == tick_up(quote.ask)


def test_dividends_are_read_from_adjusted_closes() -> None:
    """CALM closed at 61.50 on the day before; its adjusted closes were a tenth lower until then."""
    bars = BarTable(tiny_bars())["CALM"]
    found = dividend_on(bars, DIVIDEND_DAY)
    assert found is not None
    assert found.per_share == Decimal("6.15")
    assert dividend_on(bars, date(2024, 3, 19)) is None
    assert dividend_on(bars, bars.first) is None
    assert list(dividends_between(bars, bars.first, bars.last)) == [found]
    assert list(dividends_between(bars, date(2024, 3, 21), bars.last)) == []


@pytest.mark.parametrize(
    ("at", "phase", "boundary"),
    [
        ("2024-03-18 03:59", Phase.CLOSED, "2024-03-18 04:00"),
        ("2024-03-18 04:00", Phase.PRE_MARKET, "2024-03-18 09:30"),
        ("2024-03-18 09:30", Phase.REGULAR, "2024-03-18 16:00"),
        ("2024-03-18 16:00", Phase.POST_MARKET, "2024-03-18 20:00"),
        ("2024-03-18 20:00", Phase.CLOSED, "2024-03-19 04:00"),
        ("2024-11-29 13:00", Phase.POST_MARKET, "2024-11-29 17:00"),
        ("2024-11-28 12:00", Phase.CLOSED, "2024-11-29 04:00"),
        ("2024-03-08 21:00", Phase.CLOSED, "2024-03-11 04:00"),
    ],
)
def test_phases(at: str, phase: Phase, boundary: str) -> None:
    assert phase_at(new_york(at)) is phase
    assert next_boundary(new_york(at)) == new_york(boundary)


def test_daylight_saving_moves_the_open_in_utc() -> None:
    assert hours(date(2024, 3, 8)).open.hour == 14
    assert hours(date(2024, 3, 11)).open.hour == 13


def test_numbers_on_the_wire() -> None:
    assert plain(Decimal("1E+2")) == "100"
    assert plain(Decimal("0.10")) == "0.1"
    assert plain(Decimal("0.000")) == "0"
    assert rounded(Decimal("2.5"), 0) == "3"
    assert cents(Decimal("0.005")) == Decimal("0.01")
    assert cents(Decimal("-0.005")) == Decimal("-0.01")
    assert tick_up(Decimal("0.99991")) == Decimal("1.0000")
