"""Why a book earned more or less in a session than its strategy on paper: a bridge in dollars.

For a session t: q shares, c closes as traded, r total returns by symbol (adjusted closes), h the
weights that the model held going into t, N the book's net asset value and F its flows.

    B  = N(t-1) + F(t)      what the book had to earn on
    L  = N(t) - B           what it earned: live
    M0 = B x same_close(t)  what the strategy earned on paper when it trades at the very close that
                            decided (Composer's convention): model
    M1 = B x gross(t)       the same when it trades a session later, as the account does

The lines lead from M0 to L; positive is what the book did better. V = q(t-1) c(t-1) by symbol is
what it held overnight, H = (q(t-1) + split) c(t) - V what that earned as it was priced. Cash and
shares say

    L = sum H + fills against the close + dividends + fees + interest + corrections        (1)

From M0 by way of M1 to sum H and the dividends it is

    signal lag          M1 - M0
    restated prices     B sum h r - M1                prices of the past are not what they were at t
    dividends           posted + sum (H - V r)        r has them on the ex-date, cash comes later
    cash drag           (sum V - B sum h) R           R = sum h r / sum h: what the model earned, on
                                                      what was not invested
    partial, skipped    - sum W (r - R)               W: what was to be traded and was not, dollars
    different holdings  sum (V - (sum V / sum h) h) r, less the line above

The last three sum to sum V r - B sum h r. W are the shares that the latest rebalance before t meant
to trade and did not, at the close of t-1, a purchase positive. That they were missing cost W r in
all; W R of it is that their cash lay idle and is in the cash drag, so each dollar counts once. R is
0 where the model held nothing.

    after the decision, delay, spread, walk, crossing saved     `books.price_chain`
    fees, interest      as posted
    corrections         executions taken back, shares attributed: shares at c(t), and cash

(1) is checked. Where cash and shares moved otherwise than the ledger's entries say there is no
bridge but `NotExplained`. What comes from a return is rounded to 13 places (nine of a share, four
of a price), the rest is exact, so the lines sum to L - M0 without an error.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.book_session import (
    BookSession,
    Correction,
    Missed,
    ModelSession,
    SessionPrices,
)
from alchemiser_dagster.books.bridge import Bridge, Component, Line
from alchemiser_dagster.books.money import CENT, ZERO
from alchemiser_dagster.books.performance import PriceMissing
from alchemiser_dagster.books.price_chain import PriceChain, price_chain

EXACT = Decimal("1e-13")
MILLIONTH = Decimal("1e-6")
Amounts = Mapping[str, Decimal]


class NotExplained(Exception):
    """A book's cash or shares moved otherwise than its entries say."""


def live_minus_model(book: BookSession, prices: SessionPrices, model: ModelSession) -> Bridge:
    """The bridge of one book and session, unrounded.

    Raises PriceMissing for a symbol held or traded without a close, and NotExplained.
    """
    live = _live(book, prices)
    paper = _on_paper(live, prices, model, book.missed)
    at_once = _exact(live.base * model.same_close)
    amounts = {
        Component.SIGNAL_LAG: paper.later - at_once,
        Component.RESTATED: paper.repriced - paper.later,
        Component.AFTER_DECISION: live.fills.after_decision,
        Component.DELAY: live.fills.delay,
        Component.SPREAD: live.fills.spread,
        Component.WALK: live.fills.walk,
        Component.CROSSING_SAVED: live.fills.crossing_saved,
        Component.DIVIDENDS: book.dividends + live.overnight - paper.adjusted,
        Component.CASH_DRAG: paper.drag,
        Component.PARTIAL: paper.partial,
        Component.DIFFERENT: paper.adjusted - paper.repriced - paper.drag - paper.partial,
        Component.FEES: book.fees,
        Component.INTEREST: book.interest,
        Component.CORRECTIONS: live.corrected,
    }
    notes = _notes(book, live, paper, model)
    return Bridge(
        Line(Component.MODEL, at_once, f"on {live.base:,.2f}"),
        tuple(Line(name, amount, notes.get(name, "")) for name, amount in amounts.items()),
        Line(Component.LIVE, live.earned, f"net asset value {live.base + live.earned:,.2f}"),
    )


@dataclass(frozen=True)
class _Live:
    """What the book earned, in dollars: `held` by symbol at the close before, `overnight` is sum H.

    `base` and `earned` are B and L.
    """

    base: Decimal
    earned: Decimal
    held: Amounts
    overnight: Decimal
    fills: PriceChain
    corrected: Decimal

    @property
    def invested(self) -> Decimal:
        return sum(self.held.values(), ZERO)


def _live(book: BookSession, prices: SessionPrices) -> _Live:
    """The left side of (1) and the parts of its right side, which must be the same."""
    now, before = _Closes(book, prices.closes), _Closes(book, prices.closes_before, " before it")
    held = {symbol: q * before.of(symbol) for symbol, q in book.held_before.items()}
    invested = sum(held.values(), ZERO)
    base = book.cash_before + invested + book.flow
    earned = book.cash + now.worth(book.held) - base
    overnight = now.worth(book.held_before) + now.worth(book.splits) - invested
    fills = sum((price_chain(fill, now.of(fill.symbol)) for fill in book.fills), PriceChain())
    corrected = sum((_worth(one, now) for one in book.corrections), ZERO)
    posted = book.dividends + book.fees + book.interest
    explained = overnight + fills.total + posted + corrected
    if explained != earned:
        raise NotExplained(
            f"{book.book} in {book.session}: expected to have earned the {explained} dollars that "
            f"the ledger's entries give, was {earned}: the checks of `account` say what in the "
            "ledger was changed"
        )
    return _Live(base, earned, held, overnight, fills, corrected)


@dataclass(frozen=True)
class _Closes:
    """Closes of which none that is asked for may be missing."""

    book: BookSession
    prices: Amounts
    when: str = ""

    def of(self, symbol: str) -> Decimal:
        if symbol not in self.prices:
            raise PriceMissing(
                f"{self.book.book}: expected a close of {symbol} in the session of "
                f"{self.book.session}{self.when}, was none"
            )
        return self.prices[symbol]

    def worth(self, shares: Amounts) -> Decimal:
        return sum((quantity * self.of(symbol) for symbol, quantity in shares.items()), ZERO)


def _worth(one: Correction, closes: _Closes) -> Decimal:
    return one.cash + (one.shares * closes.of(one.symbol) if one.shares else ZERO)


@dataclass(frozen=True)
class _Paper:
    """What would have been earned on returns: dollars, to 13 places.

    `later` by the model as its history has it, `repriced` by its weights at the session's own
    returns, `adjusted` by what the book held overnight. `idle` is what the missed trades have in
    the cash drag.
    """

    later: Decimal
    repriced: Decimal
    adjusted: Decimal
    drag: Decimal
    partial: Decimal
    idle: Decimal


def _on_paper(
    live: _Live, prices: SessionPrices, model: ModelSession, missed: Iterable[Missed]
) -> _Paper:
    returns, share = prices.returns, sum(model.weights.values(), ZERO)
    moved = _moved(model.weights, returns)
    average = moved / share if share else ZERO
    missing: dict[str, Decimal] = {}
    for one in missed:
        worth = one.shares * prices.missed.get(one.symbol, ZERO)
        missing[one.symbol] = missing.get(one.symbol, ZERO) + worth
    idle = -sum(missing.values(), ZERO) * average
    return _Paper(
        later=_exact(live.base * model.gross),
        repriced=_exact(live.base * moved),
        adjusted=_exact(_moved(live.held, returns)),
        drag=_exact((live.invested - live.base * share) * average),
        partial=_exact(-_moved(missing, returns) - idle),
        idle=_exact(idle),
    )


def _moved(amounts: Amounts, returns: Amounts) -> Decimal:
    return sum((amount * returns.get(s, ZERO) for s, amount in amounts.items()), ZERO)


def _exact(dollars: Decimal) -> Decimal:
    return dollars.quantize(EXACT)


def _notes(
    book: BookSession, live: _Live, paper: _Paper, model: ModelSession
) -> dict[Component, str]:
    missing = _listed("missing", map(_told, book.missed))
    if abs(paper.idle) >= CENT / 2:
        missing += f"; and {paper.idle:+,.2f} in the cash drag"
    return {
        Component.SIGNAL_LAG: f"{model.gross:.4%} a session later, {model.same_close:.4%} at once",
        Component.DELAY: _listed("no decision price", _without(book, "decision")),
        Component.SPREAD: _listed("no arrival quote", _without(book, "bid")),
        Component.DIVIDENDS: f"{book.dividends:,.2f} posted" if book.dividends else "",
        Component.CASH_DRAG: f"{live.invested:,.2f} of {live.base:,.2f} was invested",
        Component.PARTIAL: missing,
        Component.CORRECTIONS: ", ".join(dict.fromkeys(one.cause for one in book.corrections)),
    }


def _without(book: BookSession, price: str) -> list[str]:
    """The symbols of the session's fills that lack a price of the chain."""
    return sorted({fill.symbol for fill in book.fills if getattr(fill, price) is None})


def _told(missed: Missed) -> str:
    shares = missed.shares.quantize(MILLIONTH).normalize()
    return f"{shares:+f} {missed.symbol} since {missed.session} ({missed.why})"


def _listed(what: str, found: Iterable[str]) -> str:
    text = ", ".join(found)
    return f"{what}: {text}" if text else ""
