from datetime import date

import numpy as np

from alchemiser_dagster.market.bars import checked_bars, closing_prices, empty_bars
from alchemiser_dagster.market.synthetic import synthetic_bars

from .tables import MON, THU, TUE, WED, bar, table

NAN = np.nan


def test_one_row_per_session_and_one_column_per_symbol():
    bars = checked_bars(
        table(
            bar("TLT", TUE, 91.0),
            bar("SPY", MON, 520.0, adj_close=510.0),
            bar("SPY", THU, 523.0, adj_close=523.0),
            bar("BRK/B", THU, 410.0),
        ),
        origin="test",
    )
    prices = closing_prices(bars)
    # no symbol has a bar on Wednesday, which is a session all the same
    assert prices.sessions == (MON, TUE, WED, THU)
    assert prices.symbols == ("BRK.B", "SPY", "TLT")
    np.testing.assert_array_equal(
        prices.closes,
        [[NAN, 510.0, NAN], [NAN, NAN, 91.0], [NAN, NAN, NAN], [410.0, 523.0, NAN]],
    )


def test_the_last_session_is_there_even_if_nothing_has_a_bar_on_it():
    bars = checked_bars(table(bar("SPY", MON, 520.0), bar("SPY", TUE, 521.0)), origin="test")
    prices = closing_prices(bars, through=WED)
    assert prices.sessions == (MON, TUE, WED)
    np.testing.assert_array_equal(prices.closes, [[520.0], [521.0], [NAN]])
    assert closing_prices(bars, through=MON).closes.tolist() == [[520.0]]


def test_without_bars_there_are_no_symbols():
    assert closing_prices(empty_bars()).closes.shape == (0, 0)
    assert closing_prices(empty_bars(), through=MON).sessions == (MON,)


def test_a_full_table_has_no_hole():
    bars = synthetic_bars(1, ["SPY", "TLT", "GLD"], date(2024, 1, 2), date(2024, 12, 31))
    prices = closing_prices(bars)
    assert prices.closes.shape == (252, 3)
    assert prices.closes.flags.c_contiguous
    assert prices.closes[-1].tolist() == [
        bars.filter(symbol=symbol)["close"][-1] for symbol in ("GLD", "SPY", "TLT")
    ]
