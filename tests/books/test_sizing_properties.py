"""What holds of every sizing: nobody is overdrawn, nothing is lost, one side goes to market."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.books.money import ZERO, fill_cash, floor_quantity
from alchemiser_dagster.books.netting import Prices, Purchase, Sale, hold_back
from alchemiser_dagster.books.planning import DUST
from alchemiser_dagster.books.sizing import Sizing, size_and_cross

D = Decimal
BOOKS, SYMBOLS = "ABCD", "WXYZ"

unhurried = settings(deadline=None)
"""Some sessions take many rounds; a busy machine is no failure."""


@dataclass(frozen=True)
class Session:
    """The arguments of a sizing; books and symbols are drawn from four each."""

    wants: list[Purchase]
    held_back: list[Sale]
    book_cash: dict[str, Decimal]
    account_cash: Decimal
    prices: dict[str, Prices]
    minimums: dict[str, Decimal]
    caps: dict[str, Decimal]
    whole_shares: set[str]
    sold: set[str]

    def sized(self) -> Sizing:
        return size_and_cross(
            self.wants,
            self.held_back,
            book_cash=self.book_cash,
            account_cash=self.account_cash,
            prices=self.prices,
            minimums=self.minimums,
            caps=self.caps,
            whole_shares=self.whole_shares,
            sold=self.sold,
        )


@st.composite
def decimals(draw: st.DrawFn, low: int, high: int, fractions: str) -> Decimal:
    """A whole number and one of a few awkward fractions, so that large values are as likely."""
    return D(draw(st.integers(low, high - 1))) + D(draw(st.sampled_from(fractions.split())))


def dollars(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return decimals(low, high, "0 0.01 0.37 0.5 0.99")


def quotes() -> st.SearchStrategy[Prices]:
    bids = decimals(0, 500, "0.05 0.3333 0.77 0.9999")
    spreads = st.sampled_from([D(0), D("0.0001"), D("0.01"), D("0.13"), D("1")])
    steps = st.sampled_from([D("-0.04"), D(0), D("0.02"), D("0.9")])
    return st.builds(
        lambda bid, spread, step: Prices(bid, bid + spread, bid + step), bids, spreads, steps
    )


@st.composite
def sessions(draw: st.DrawFn, *, wide: bool = True) -> Session:
    """Any session; unless `wide` one in which every symbol has a price and none was sold."""
    wants, held_back = [], []
    for book in BOOKS:
        for symbol in SYMBOLS:
            side = draw(st.sampled_from(["buy", "sell", "neither"]))
            trade = f"{book}:{symbol}"
            if side == "buy":
                want = draw(decimals(0, 20_000, "0.01 0.5 0.333333 0.999999"))
                wants.append(Purchase(trade, book, symbol, want))
            elif side == "sell":
                shares = draw(decimals(0, 300, "0 0.000000001 0.3 0.333333333 0.999999999"))
                held_back.append(Sale(trade, book, symbol, shares))
    missing = draw(st.sampled_from(["", "", "", "W"])) if wide else ""
    rich = draw(st.booleans())
    return Session(
        wants=wants,
        held_back=held_back,
        book_cash={book: draw(dollars(-100, 30_000 if rich else 200)) for book in BOOKS},
        account_cash=draw(st.one_of(dollars(-100, 60_000), st.just(D(1_000_000)))),
        prices={symbol: draw(quotes()) for symbol in SYMBOLS if symbol not in missing},
        minimums={book: draw(st.sampled_from([D(1), D("3.21"), D(5)])) for book in BOOKS},
        caps={book: draw(st.sampled_from([D(1_000_000), D(20_000), D(7)])) for book in BOOKS},
        whole_shares=set(draw(st.sampled_from(["", "W", "XY"]))),
        sold=set(draw(st.sampled_from(["", "", "X", "WZ"]))) if wide else set(),
    )


def by_book(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    sums = dict.fromkeys(BOOKS, ZERO)
    for trade, amount in amounts.items():
        sums[trade[0]] += amount
    return sums


def crossed(sizing: Sizing) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Shares that change books, by sale and by purchase."""
    sales = {t: q for made in sizing.crosses for t, q in made.sales.items()}
    purchases = {t: q for made in sizing.crosses for t, q in made.purchases.items()}
    return sales, purchases


@unhurried
@given(sessions())
def test_every_wish_is_sized_or_dropped_with_a_reason(session: Session) -> None:
    sizing = session.sized()
    assert sizing.purchases.keys() | sizing.dropped.keys() == {w.trade_id for w in session.wants}
    assert not sizing.purchases.keys() & sizing.dropped.keys()
    assert all(sizing.dropped.values())


@unhurried
@given(sessions())
def test_shares_are_conserved(session: Session) -> None:
    sizing = session.sized()
    sales, purchases = crossed(sizing)
    for sale in session.held_back:
        gone = sales.get(sale.trade_id, ZERO)
        assert gone + sizing.to_sell.get(sale.trade_id, ZERO) == sale.quantity
    for trade, bought in sizing.purchases.items():
        assert purchases.get(trade, ZERO) + sizing.to_buy.get(trade, ZERO) == bought.quantity > 0
    assert {*purchases, *sizing.to_buy} <= sizing.purchases.keys()
    assert {*sales, *sizing.to_sell} <= {sale.trade_id for sale in session.held_back}
    for made in sizing.crosses:
        assert sum(made.sales.values(), ZERO) == sum(made.purchases.values(), ZERO) > 0


@unhurried
@given(sessions())
def test_no_book_is_overdrawn_or_passes_its_cap(session: Session) -> None:
    sizing = session.sized()
    proceeds = by_book({t: c for made in sizing.crosses for t, c in made.proceeds.items()})
    budgets = by_book({t: bought.budget for t, bought in sizing.purchases.items()})
    costs = {t: c for made in sizing.crosses for t, c in made.costs.items()}
    # What the purchases cost when the market fills them at the price they were sized at.
    at_the_ask = by_book(
        {
            trade: costs.get(trade, ZERO)
            + fill_cash(sizing.to_buy.get(trade, ZERO), session.prices[trade[2]].to_buy)
            for trade in sizing.purchases
        }
    )
    for book, cash in session.book_cash.items():
        assert budgets[book] <= max(ZERO, cash + proceeds[book])
        assert at_the_ask[book] <= budgets[book] <= session.caps[book]
        assert cash + proceeds[book] - at_the_ask[book] >= min(ZERO, cash + proceeds[book])


@unhurried
@given(sessions())
def test_the_market_costs_no_more_than_the_account_has(session: Session) -> None:
    sizing = session.sized()
    costs = {t: c for made in sizing.crosses for t, c in made.costs.items()}
    market = sum(
        (sizing.purchases[trade].budget - costs.get(trade, ZERO) for trade in sizing.to_buy), ZERO
    )
    at_the_ask = sum((q * session.prices[t[2]].to_buy for t, q in sizing.to_buy.items()), ZERO)
    assert at_the_ask <= market <= max(ZERO, session.account_cash)


@unhurried
@given(sessions())
def test_the_market_sees_one_side_of_a_symbol(session: Session) -> None:
    sizing = session.sized()
    bought = {trade[2] for trade in sizing.to_buy}
    assert not bought & ({trade[2] for trade in sizing.to_sell} | session.sold)


@unhurried
@given(sessions())
def test_nothing_is_bought_that_is_too_small(session: Session) -> None:
    sizing = session.sized()
    _, purchases = crossed(sizing)
    blocks = dict.fromkeys(session.prices, ZERO)
    for trade, bought in sizing.purchases.items():
        prices, to_buy = session.prices[trade[2]], sizing.to_buy.get(trade, ZERO)
        value = purchases.get(trade, ZERO) * prices.mid + to_buy * prices.to_buy
        assert value >= session.minimums[trade[0]]
        assert to_buy == floor_quantity(to_buy, whole=trade[2] in session.whole_shares)
        if trade[2] in session.whole_shares:
            assert bought.quantity == int(bought.quantity)
        blocks[trade[2]] += to_buy * prices.to_buy
    assert all(block == 0 or block >= DUST for block in blocks.values())


@unhurried
@given(sessions())
def test_nobody_buys_more_than_it_wants(session: Session) -> None:
    sizing = session.sized()
    for want in session.wants:
        if want.trade_id in sizing.purchases:
            # A cent for the rounding of a cross.
            assert sizing.purchases[want.trade_id].budget <= want.dollars + D("0.01")


@unhurried
@given(sessions(), st.randoms())
def test_the_order_of_the_inputs_does_not_matter(session: Session, random: object) -> None:
    wants, held_back = list(session.wants), list(session.held_back)
    random.shuffle(wants)  # type: ignore[attr-defined]
    random.shuffle(held_back)  # type: ignore[attr-defined]
    assert replace(session, wants=wants, held_back=held_back).sized() == session.sized()


@unhurried
@given(sessions(wide=False), dollars(0, 20_000))
def test_more_cash_in_the_account_buys_no_less(session: Session, more: Decimal) -> None:
    # Without crosses: with them a book that is no longer dropped shares in what others crossed.
    session = replace(session, held_back=[])
    richer = replace(session, account_cash=session.account_cash + more)
    before, after = session.sized().purchases, richer.sized().purchases
    assert all(after[trade].quantity >= before[trade].quantity for trade in before)


@unhurried
@given(sessions(wide=False), dollars(0, 20_000))
def test_more_cash_in_one_book_buys_it_no_less_from_pure_sellers(
    session: Session, more: Decimal
) -> None:
    session = replace(
        session,
        wants=[want for want in session.wants if want.book == "A"],
        held_back=[sale for sale in session.held_back if sale.book != "A"],
        account_cash=D(1_000_000),
    )
    richer = replace(session, book_cash=session.book_cash | {"A": session.book_cash["A"] + more})
    before, after = session.sized().purchases, richer.sized().purchases
    assert all(after[trade].quantity >= before[trade].quantity for trade in before)


@unhurried
@given(sessions(wide=False))
def test_what_hold_back_keeps_is_crossed_where_the_cash_is_there(session: Session) -> None:
    # Priced as planned, no spread, and cash for everything: every share held back finds its buyer.
    prices = {s: replace(p, ask=p.bid, planned=p.bid) for s, p in session.prices.items()}
    session = replace(
        session,
        prices=prices,
        book_cash=dict.fromkeys(BOOKS, D(1_000_000)),
        caps=dict.fromkeys(BOOKS, D(1_000_000)),
        account_cash=D(1_000_000),
        wants=[want for want in session.wants if want.dollars >= 5],
        minimums=dict.fromkeys(BOOKS, D(1)),
        whole_shares=set(),
    )
    mids = {symbol: quoted.mid for symbol, quoted in prices.items()}
    kept = hold_back(session.held_back, session.wants, mids)
    held_back = [replace(sale, quantity=kept[sale.trade_id]) for sale in session.held_back]
    sizing = replace(session, held_back=held_back).sized()
    for trade, shares in sizing.to_sell.items():
        # But what could not have been sold alone, and a cent of each buyer.
        assert shares * prices[trade[2]].mid < DUST + D("0.05")
