"""The made-up market: reproducible, and shaped like the real one."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from alchemiser_dagster.market.bars import checked_bars
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.synthetic import (
    ANCHOR_SESSION,
    DEFAULT_SEED,
    FIRST_SESSION,
    instruments,
    synthetic_bars,
)
from alchemiser_dagster.market.synthetic.factors import CRISIS, factor_paths

SEED = DEFAULT_SEED
LAST = date(2026, 6, 30)
SEEDS = (1, 2, 3, SEED)
SOME = ["SPY", "QQQ", "TQQQ", "SQQQ", "TLT", "BIL", "UVXY", "AAPL", "BRK.B"]


def returns(symbol: str, seed: int = SEED, price: str = "close") -> np.ndarray:
    closes = synthetic_bars(seed, [symbol], FIRST_SESSION, LAST)[price].to_numpy()
    return closes[1:] / closes[:-1] - 1


def annual_volatility(symbol: str, seed: int = SEED) -> float:
    return float(returns(symbol, seed).std() * np.sqrt(252))


def correlation(one: str, other: str, seed: int = SEED) -> float:
    return float(np.corrcoef(returns(one, seed), returns(other, seed))[0, 1])


GOLDEN_CLOSES = [550.729637, 550.364925, 1150.049244, 1144.638628]
GOLDEN_VOLUMES = [42617250.0, 37349563.0, 2963193.0, 2023627.0]


class TestReproducible:
    def test_the_same_seed_gives_the_same_bytes(self):
        once = synthetic_bars(SEED, SOME, date(2020, 1, 1), LAST)
        factor_paths.cache_clear()
        again = synthetic_bars(SEED, SOME, date(2020, 1, 1), LAST)
        assert once.equals(again, null_equal=False)
        assert once["close"].to_numpy().tobytes() == again["close"].to_numpy().tobytes()

    def test_another_seed_gives_another_market(self):
        one = synthetic_bars(1, ["SPY"], date(2020, 1, 1), LAST)
        other = synthetic_bars(2, ["SPY"], date(2020, 1, 1), LAST)
        assert (one["close"] != other["close"]).mean() > 0.99

    @pytest.mark.parametrize("last", [date(2012, 5, 4), date(2026, 1, 2), date(2026, 1, 5)])
    def test_a_shorter_span_is_the_beginning_of_a_longer_one(self, last):
        longer = synthetic_bars(SEED, SOME, FIRST_SESSION, date(2027, 3, 1))
        shorter = synthetic_bars(SEED, SOME, FIRST_SESSION, last)
        assert shorter.equals(longer.filter(pl.col("date") <= last))

    def test_a_later_start_only_leaves_the_earlier_bars_out(self):
        start = date(2019, 7, 1)
        whole = synthetic_bars(SEED, SOME, FIRST_SESSION, LAST)
        part = synthetic_bars(SEED, SOME, start, LAST)
        assert part.equals(whole.filter(pl.col("date") >= start))

    def test_a_symbol_has_the_same_bars_whatever_else_is_asked_for(self):
        together = synthetic_bars(SEED, SOME, date(2024, 1, 1), LAST)
        alone = synthetic_bars(SEED, ["TQQQ"], date(2024, 1, 1), LAST)
        assert alone.equals(together.filter(pl.col("symbol") == "TQQQ"))

    def test_the_default_market_stays_as_it_is(self):
        bars = synthetic_bars(DEFAULT_SEED, ["SPY", "UVXY"], date(2024, 1, 2), date(2024, 1, 3))
        assert bars["close"].to_list() == pytest.approx(GOLDEN_CLOSES, rel=1e-9)
        assert bars["volume"].to_list() == GOLDEN_VOLUMES


class TestTable:
    def test_every_instrument_keeps_the_rules_of_files(self):
        bars = synthetic_bars(SEED, list(instruments()), FIRST_SESSION, LAST)
        assert checked_bars(bars, origin="synthetic").equals(bars)
        assert bars["symbol"].n_unique() == len(instruments())

    def test_bars_stand_on_every_session_and_no_other_day(self):
        bars = synthetic_bars(SEED, ["SPY"], date(2026, 6, 13), LAST)
        assert bars["date"].to_list() == sessions_between(date(2026, 6, 13), LAST)

    def test_nothing_before_the_first_session_and_nothing_of_unknown_symbols(self):
        bars = synthetic_bars(SEED, ["SPY", "NOSUCH"], date(2000, 1, 3), date(2005, 1, 4))
        assert bars.select("symbol", "date").rows() == [
            ("SPY", date(2005, 1, 3)),
            ("SPY", date(2005, 1, 4)),
        ]
        assert synthetic_bars(SEED, ["SPY"], date(2000, 1, 3), date(2001, 1, 3)).is_empty()
        assert synthetic_bars(SEED, ["SPY"], date(2026, 6, 13), date(2026, 6, 14)).is_empty()

    def test_each_instrument_closes_at_its_price_on_the_anchor_session(self):
        bars = synthetic_bars(SEED, list(instruments()), ANCHOR_SESSION, ANCHOR_SESSION)
        prices = dict(bars.select("symbol", "close").rows())
        assert prices == {symbol: item.price for symbol, item in instruments().items()}

    def test_total_return_is_price(self):
        bars = synthetic_bars(SEED, SOME, date(2024, 1, 1), LAST)
        assert (bars["adj_close"] == bars["close"]).all()

    def test_volumes_are_whole_shares_around_the_usual_turnover(self):
        bars = synthetic_bars(SEED, ["SPY"], date(2025, 1, 1), date(2025, 12, 31))
        assert (bars["volume"] == bars["volume"].round()).all()
        turnover = (bars["volume"] * bars["close"]).mean()
        assert 0.3 < turnover / (instruments()["SPY"].turnover * 1e6) < 2


MULTIPLES = sorted(symbol for symbol, item in instruments().items() if item.kind == "multiple")


class TestMultiples:
    @pytest.mark.parametrize("symbol", MULTIPLES)
    def test_the_daily_return_is_the_multiple_of_the_index(self, symbol):
        item = instruments()[symbol]
        np.testing.assert_allclose(
            returns(symbol), item.multiple * returns(item.index), atol=1e-5, rtol=0
        )

    def test_the_range_of_a_day_is_multiplied_too(self):
        bars = synthetic_bars(SEED, ["QQQ", "SQQQ"], date(2025, 1, 2), date(2025, 1, 3))
        qqq, sqqq = (bars.filter(pl.col("symbol") == symbol) for symbol in ("QQQ", "SQQQ"))
        before, high = qqq["close"][0], qqq["high"][1]
        before_short, low_short = sqqq["close"][0], sqqq["low"][1]
        assert low_short / before_short - 1 == pytest.approx(-3 * (high / before - 1), abs=1e-6)

    def test_the_funds_that_strategies_use_most_multiply_what_they_say(self):
        table = instruments()
        mandates = {
            symbol: (table[symbol].multiple, table[symbol].index)
            for symbol in ("UPRO", "TQQQ", "SQQQ", "PSQ", "TECL", "SOXL", "TMF", "UVXY", "SVXY")
        }
        assert mandates == {
            "UPRO": (3, "SPY"),
            "TQQQ": (3, "QQQ"),
            "SQQQ": (-3, "QQQ"),
            "PSQ": (-1, "QQQ"),
            "TECL": (3, "XLK"),
            "SOXL": (3, "SOXX"),
            "TMF": (3, "TLT"),
            "UVXY": (1.5, "VIXY"),
            "SVXY": (-0.5, "VIXY"),
        }


@pytest.mark.parametrize("seed", SEEDS)
class TestLikeTheRealOne:
    def test_volatility_of_the_market(self, seed):
        assert 0.12 < annual_volatility("SPY", seed) < 0.25
        assert annual_volatility("SPY", seed) < annual_volatility("QQQ", seed) < 0.30

    def test_fat_tails(self, seed):
        market = returns("SPY", seed)
        centred = market - market.mean()
        assert 5 < (centred**4).mean() / centred.var() ** 2 < 20
        assert np.abs(market).max() < 0.125

    def test_a_fall_is_followed_by_larger_moves_than_a_rise(self, seed):
        market = returns("SPY", seed)
        assert np.corrcoef(market[:-1], np.abs(market[1:]))[0, 1] < -0.03

    def test_volatility_clusters(self, seed):
        size = np.abs(returns("SPY", seed))
        assert all(np.corrcoef(size[:-lag], size[lag:])[0, 1] > 0.05 for lag in (1, 5, 20))
        market = returns("SPY", seed)
        assert abs(np.corrcoef(market[:-1], market[1:])[0, 1]) < 0.08

    def test_equities_move_together(self, seed):
        assert correlation("SPY", "QQQ", seed) > 0.8
        assert correlation("SPY", "IWM", seed) > 0.7
        assert correlation("SPY", "EEM", seed) > 0.6
        assert correlation("XLK", "SMH", seed) > 0.75
        assert 0.4 < correlation("SPY", "AAPL", seed) < 0.9
        assert 0.4 < correlation("SPY", "XLU", seed) < correlation("SPY", "XLI", seed)

    def test_long_bonds_rise_when_the_market_falls_hard(self, seed):
        regime = factor_paths(seed, len(returns("SPY", seed)) + 1).regime[1:]
        crisis = regime == CRISIS
        market, bonds = returns("SPY", seed)[crisis], returns("TLT", seed)[crisis]
        assert np.corrcoef(market, bonds)[0, 1] < -0.3
        assert correlation("SPY", "TLT", seed) < 0
        assert correlation("SPY", "HYG", seed) > 0.5
        assert correlation("TLT", "IEF", seed) > 0.95

    def test_bond_funds_are_as_risky_as_they_are_long(self, seed):
        bonds = ("BIL", "SHY", "IEI", "IEF", "TLT", "EDV")
        risks = [annual_volatility(symbol, seed) for symbol in bonds]
        assert risks == sorted(risks)
        assert risks[0] < 0.002
        assert 0.10 < annual_volatility("TLT", seed) < 0.18

    def test_gold_and_the_dollar_stand_apart(self, seed):
        assert abs(correlation("SPY", "GLD", seed)) < 0.2
        assert correlation("GLD", "UUP", seed) < 0
        assert correlation("GLD", "GDX", seed) > 0.5

    def test_volatility_products_jump_when_the_market_falls_and_decay(self, seed):
        assert correlation("SPY", "VIXY", seed) < -0.5
        assert 0.5 < annual_volatility("VIXY", seed) < 0.9
        assert annual_volatility("VIXM", seed) < annual_volatility("VIXY", seed) / 1.5
        growth = np.log1p(returns("VIXY", seed)).mean() * 252
        assert -1.2 < growth < -0.3

    def test_managed_futures_have_their_own_way(self, seed):
        assert abs(correlation("SPY", "KMLM", seed)) < 0.4
        assert 0.05 < annual_volatility("KMLM", seed) < 0.15

    def test_stocks_are_riskier_than_the_market(self, seed):
        assert annual_volatility("NVDA", seed) > annual_volatility("AAPL", seed)
        assert annual_volatility("AAPL", seed) > annual_volatility("SPY", seed)
        assert annual_volatility("KO", seed) < annual_volatility("AAPL", seed)


def test_cash_always_earns_something():
    bars = synthetic_bars(SEED, ["BIL"], FIRST_SESSION, LAST)
    year_ago = bars["close"].shift(252)
    assert (bars["close"] / year_ago).drop_nulls().min() > 1.0


def test_the_table_lists_what_strategies_ask_for():
    assert len(instruments()) > 250
    assert {"SPY", "TQQQ", "KMLM", "BTAL", "BRK.B", "UVXY", "SGOV", "NVDA"} <= set(instruments())
