"""Performance of a range of sessions in one pass: worked cases, and the plain way as witness."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.books.account_history import account_history
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.performance import (
    Performance,
    market_value,
    measure,
    pnl_by_trade,
)
from alchemiser_dagster.books.performance_history import CLOSES, performance_history
from alchemiser_dagster.ledger.book_events import book_events
from alchemiser_dagster.ledger.queries import (
    book_cash,
    exits_of,
    external_flows,
    income,
    open_lots,
)
from alchemiser_dagster.market.sessions import sessions_between
from tests.ledger.activity_lines import bust, by_hand, line, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.engines import ledger_url as ledger_url  # a fixture
from tests.ledger.traded import INCEPTION, Traded

D = Decimal
FLAT = D("10.00")


def nov(day: int) -> date:
    return date(2026, 11, day)


def history(
    traded: Traded, last: int, prices: Mapping[int, str | None] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every session up to a day of November; XYZ and ABC closed at 10, or at the day's price."""
    sessions = sessions_between(INCEPTION, nov(last))
    given_prices = prices or {}
    rows = [
        (session, symbol, D(close))
        for session in sessions
        for symbol in ("XYZ", "ABC")
        for close in [given_prices.get(session.day, str(FLAT))]
        if close is not None
    ]
    with traded.ledger.read() as connection:
        events = book_events(connection, through=nov(last))
    return performance_history(events, sessions, pl.DataFrame(rows, schema=CLOSES, orient="row"))


def row(made: pl.DataFrame, book: str, day: int) -> dict[str, object]:
    return made.row(
        by_predicate=(pl.col("book") == book) & (pl.col("session") == nov(day)), named=True
    )


def test_l01_and_l02_by_exit_and_by_trade(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 10")
    traded.trade(4, "a buy 5 XYZ @ 12")
    traded.trade(5, "a sell 12 XYZ @ 15")
    traded.trade(6, "a sell 3 XYZ @ 11")
    made, _ = history(traded, 6)
    sold = row(made, "a", 5)
    assert (sold["realized_pnl"], sold["current_holdings"]) == (56, 1)
    assert (sold["current_holdings_value"], sold["market_value"]) == (36, 30)
    assert sold["unrealized_pnl"] == -6
    end = row(made, "a", 6)
    assert (end["completed_trades"], end["exits_winning"], end["exits_losing"]) == (3, 2, 1)
    assert (end["win_rate"], end["avg_profit_per_trade"]) == (D("66.67"), D("17.67"))
    assert (end["trades_winning"], end["trades_losing"]) == (1, 1)
    assert (end["realized_pnl"], end["current_holdings"], end["market_value"]) == (53, 0, 0)


def test_l06_a_result_of_nothing(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 10")
    traded.trade(4, "a sell 4 XYZ @ 10")
    end = row(history(traded, 4)[0], "a", 4)
    assert (end["exits_winning"], end["exits_losing"], end["exits_breakeven"]) == (0, 0, 1)
    assert (end["trades_breakeven"], end["win_rate"]) == (1, 0)


def test_l07_a_book_that_has_sold_nothing(traded: Traded) -> None:
    traded.trade(3, "a buy 133 XYZ @ 90")
    end = row(history(traded, 3, {3: "95"})[0], "a", 3)
    assert (end["realized_pnl"], end["completed_trades"]) == (0, 0)
    assert (end["win_rate"], end["avg_profit_per_trade"]) == (0, 0)
    assert (end["current_holdings"], end["current_holdings_value"]) == (1, 11_970)
    assert end["market_value"] == 133 * 95


def test_l15_a_deposit_is_not_earned(traded: Traded) -> None:
    """It is shared out by the books' allocations, so of 5,000 book a gets 3,000."""
    traded.trade(3, "a buy 100 XYZ @ 10")
    post(traded, line("d", "CSD", amount="5000.00"), day=4)
    made, unpriced = history(traded, 4, {3: "10", 4: "13"})
    end = account_history(made, unpriced).row(-1, named=True)
    assert (end["flow"], end["pnl"], end["nav"]) == (5000, 300, 105_300)
    assert end["daily_return"] == pytest.approx(300 / 100_000)
    deposited = sum(D(str(r["flow"])) for r in made.filter(session=nov(4)).to_dicts())
    assert deposited == 5000


@pytest.mark.parametrize(
    ("flow", "nav", "pnl", "expected"),
    [(5000, 15_100, 100, 0.01), (500, 11_050, 550, 0.055), (-2000, 8_050, 50, 0.005)],
    ids=["case 53", "case 55", "case 56"],
)
def test_cases_53_to_56_money_put_in_is_no_result(
    flow: int, nav: int, pnl: int, expected: float
) -> None:
    """10,000 the evening before."""
    books = pl.DataFrame(
        {
            "book": "a",
            "session": [nov(2), nov(3)],
            "net_flows": [D(10_000), D(10_000 + flow)],
            "nav": [D(10_000), D(nav)],
        }
    ).with_columns(cash=pl.col("nav"), market_value=pl.lit(D(0)), long_market_value=pl.lit(D(0)))
    made = account_history(books, books.clear().select("book", "session")).row(-1, named=True)
    assert (made["flow"], made["pnl"]) == (flow, pnl)
    assert made["daily_return"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("day", "expected"), [(1, 0.02), (16, 0.024), (31, 0.03)], ids=["first", "middle", "last"]
)
def test_l14_modified_dietz(day: int, expected: float) -> None:
    """December: 10,000 at its start, 5,000 put in, 300 earned on the last day."""
    sessions = [date(2026, 11, 30), *(date(2026, 12, d) for d in range(1, 32))]
    put_in = [0 if s < date(2026, 12, day) else 5000 for s in sessions]
    earned = [0] * (len(sessions) - 1) + [300]
    books = pl.DataFrame(
        {
            "book": "a",
            "session": sessions,
            "net_flows": [D(10_000 + extra) for extra in put_in],
            "nav": [D(10_000 + extra + gain) for extra, gain in zip(put_in, earned, strict=True)],
        }
    ).with_columns(
        cash=pl.col("nav"),
        flow=pl.lit(D(0)),
        market_value=pl.lit(D(0)),
        long_market_value=pl.lit(D(0)),
    )
    made = account_history(books, books.clear().select("book", "session"))
    assert made["month_to_date_return"][-1] == pytest.approx(expected, abs=1e-12)


def test_l16_a_transfer_is_not_a_loss(traded: Traded) -> None:
    """60,000, of which 10,000 are taken out; 1.00 % is earned on what is left."""
    traded.trade(3, "a buy 5000 XYZ @ 10")
    post(traded, line("w", "CSW", amount="-10000.00"), day=4)
    made, _ = history(traded, 4, {3: "10", 4: "10.10"})
    end = row(made, "a", 4)
    base = 60_000 + float(str(end["flow"]))
    assert end["flow"] == -6000
    assert end["daily_return"] == pytest.approx(500 / base)
    assert end["time_weighted_return"] == pytest.approx(500 / base)


def test_case_58_the_drawdown_starts_at_the_money_put_in(traded: Traded) -> None:
    """-10 %, +5 %, +2 % of a book that is wholly in shares."""
    traded.trade(2, "a buy 6000 XYZ @ 10")
    made, _ = history(traded, 5, {2: "10", 3: "9", 4: "9.45", 5: "9.639"})
    of_a = made.filter(book="a")
    assert of_a["daily_return"].to_list() == pytest.approx([0, -0.10, 0.05, 0.02])
    assert of_a["drawdown"].to_list() == pytest.approx([0, -0.10, -0.055, -0.0361])
    assert of_a["time_weighted_return"][-1] == pytest.approx(0.9 * 1.05 * 1.02 - 1)


def test_a_session_without_prices_has_no_row_and_the_next_return_spans_it(traded: Traded) -> None:
    traded.trade(2, "a buy 6000 XYZ @ 10")
    made, unpriced = history(traded, 4, {2: "10", 3: None, 4: "11"})
    assert unpriced.rows() == [("a", nov(3), "XYZ")]
    assert made.filter(book="a")["session"].to_list() == [nov(2), nov(4)]
    assert row(made, "a", 4)["daily_return"] == pytest.approx(0.1)
    assert made.filter(book="b").height == 3, "who holds nothing needs no price"
    whole = account_history(made, unpriced)
    assert whole["session"].to_list() == [nov(2), nov(4)]


def test_a_range_gives_what_its_sessions_give_one_by_one(traded: Traded) -> None:
    play(traded, ["a buy 10 XYZ @ 9", "b buy 3 ABC @ 10", "a sell 4 XYZ @ 11"])
    whole, _ = history(traded, 6, {4: "10.37", 5: "9.1", 6: "12.0001"})
    for day in (3, 4, 5, 6):
        alone, _ = history(traded, day, {4: "10.37", 5: "9.1", 6: "12.0001"})
        last = alone.filter(session=nov(day)).select(whole.columns)
        assert last.equals(whole.filter(session=nov(day)))


def test_on_every_engine(ledger_url: str) -> None:
    traded = Traded.at(ledger_url)
    play(traded, ["a buy 10 XYZ @ 9", "b buy 3 ABC @ 10", "a sell 4 XYZ @ 11"])
    post(traded, line("f", "FEE", amount="-0.07"), day=6)
    agree_with_the_plain_way(traded, 6, {})
    traded.ledger.close()


def play(traded: Traded, trades: Sequence[str], *, first: int = 3) -> None:
    """A trade a session, from the 3rd on."""
    for day, what in enumerate(trades, start=first):
        traded.trade(day, what)


TRADES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["buy", "sell"]),
        st.sampled_from(["1", "2.5", "7", "0.000000003"]),
        st.sampled_from(["XYZ", "ABC"]),
        st.sampled_from(["9", "10", "10.3333", "12.01"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    trades=TRADES,
    closes=st.lists(st.sampled_from(["8", "9.9999", "10", "11.5"]), min_size=12, max_size=12),
    busted=st.booleans(),
)
def test_the_pass_over_a_range_agrees_with_the_plain_way(
    trades: list[tuple[str, ...]], closes: list[str], busted: bool
) -> None:
    traded = Traded.at("sqlite://")
    days = [s.day for s in sessions_between(nov(3), nov(16))]
    held: dict[tuple[str, str], Decimal] = {}
    done = []
    for day, (book, side, quantity, symbol, price) in zip(days, trades, strict=False):
        shares = D(quantity) if side == "buy" else -min(D(quantity), held.get((book, symbol), ZERO))
        if shares:
            held[book, symbol] = held.get((book, symbol), ZERO) + shares
            traded.trade(day, f"{book} {side} {abs(shares):f} {symbol} @ {price}")
            done.append((day, book, side, abs(shares), symbol, D(price)))
    if busted and done:
        day, book, side, shares, symbol, price = done[-1]
        sign = -1 if side == "buy" else 1
        cash = (shares * price * -sign).quantize(D("0.01"), "ROUND_HALF_UP")
        undone = f"x.2026-11-{day:02}.{symbol}.{book}"
        post(traded, bust("b", undone, f"{sign * shares:f} {symbol} {cash}"), day=days[-1])
    post(traded, line("d", "CSD", amount="1000.01"), line("f", "FEE", amount="-0.07"), day=days[4])
    agree_with_the_plain_way(traded, days[-1], dict(zip(days, closes, strict=False)))
    traded.ledger.close()


def agree_with_the_plain_way(traded: Traded, last: int, prices: Mapping[int, str | None]) -> None:
    """Each session of each book, valued by itself with the queries of one moment."""
    made, unpriced = history(traded, last, prices)
    assert unpriced.is_empty()
    for found in made.to_dicts():
        plain = plainly(traded, found["book"], found["session"], prices)
        assert abs(found["nav"] - plain.nav) <= D("1e-9"), "kept with nine places"
        assert found["cash"] == plain.cash
        assert found["current_holdings_value"] == plain.cost
        assert found["current_holdings"] == plain.holdings
        assert found["realized_pnl"] == plain.realised
        assert found["income"] == plain.income
        assert (found["flow"], found["net_flows"]) == (plain.flow, plain.net_flows)
        for prefix, counts in (("exits", plain.by_exit), ("trades", plain.by_trade)):
            for name in ("winning", "losing", "breakeven"):
                assert found[f"{prefix}_{name}"] == getattr(counts, name), (prefix, name)
        assert found["win_rate"] == plain.by_exit.win_rate
        assert found["avg_profit_per_trade"] == plain.by_exit.average
        if plain.daily_return is None:
            assert found["daily_return"] is None
        else:
            assert found["daily_return"] == pytest.approx(float(plain.daily_return), abs=1e-12)


def plainly(
    traded: Traded, book: str, session: date, prices: Mapping[int, str | None]
) -> Performance:
    def at(day: date) -> dict[str, Decimal]:
        return dict.fromkeys(("XYZ", "ABC"), D(prices.get(day.day) or FLAT))

    earlier = [s for s in sessions_between(INCEPTION, session) if s < session]
    with traded.ledger.read() as connection:
        nav = None
        if earlier:
            nav = book_cash(connection, through=earlier[-1]).get(book, ZERO) + market_value(
                open_lots(connection, book=book, through=earlier[-1]), at(earlier[-1])
            )
        pnls = [
            (exit_.trade_id, exit_.proceeds - exit_.cost)
            for exit_ in exits_of(connection, book, through=session)
        ]
        return measure(
            cash=book_cash(connection, through=session).get(book, ZERO),
            lots=open_lots(connection, book=book, through=session),
            exit_pnls=[pnl for _, pnl in pnls],
            trade_pnls=pnl_by_trade(pnls).values(),
            income=income(connection, book, through=session),
            prices=at(session),
            flow=external_flows(connection, book, session=session),
            net_flows=external_flows(connection, book, through=session),
            previous_nav=nav,
        )


def test_a_book_that_no_strategy_trades_has_no_returns(traded: Traded) -> None:
    """Somebody buys 10 XYZ at 100 by hand: shares for as much cash, nothing earned."""
    post(traded, by_hand("m1", "buy 10 XYZ @ 100"), day=4)
    sessions = sessions_between(INCEPTION, nov(6))
    with traded.ledger.read() as connection:
        events = book_events(connection, through=nov(6))
    closes = pl.DataFrame(
        [(s, "XYZ", D(c)) for s, c in zip(sessions, (100, 100, 101, 130, 98), strict=False)],
        schema=CLOSES,
        orient="row",
    )
    idle = ("unattributed", "unallocated")
    made, _ = performance_history(events, sessions, closes, without_returns=idle)
    found = made.filter(pl.col("book").is_in(idle))
    for name in ("daily_return", "total_return", "time_weighted_return", "drawdown"):
        assert found[name].null_count() == found.height > 0
        assert made.filter(book="a")[name].null_count() == 0
    assert row(made, "unattributed", 5)["nav"] == 300


def test_flows_of_a_session_that_is_not_valued_are_in_the_next_one(traded: Traded) -> None:
    traded.trade(2, "a buy 6000 XYZ @ 10")
    post(traded, line("d", "CSD", amount="5000.00"), day=3)
    made, unpriced = history(traded, 4, {2: "10", 3: None, 4: "10.10"})
    end = account_history(made, unpriced).row(-1, named=True)
    assert (end["flow"], end["pnl"]) == (5000, 600)
    assert row(made, "a", 4)["flow"] == 3000
