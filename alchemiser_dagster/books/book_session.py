"""One session of one book, of its market and of its strategy on paper: what a bridge is built of.

Exact: the ledger's decimals, closes to four places, and the model's floats turned into decimals
before they come here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.price_chain import PricedFill


@dataclass(frozen=True)
class Correction:
    """Dollars and shares that came (negative: went) without a trade of the session."""

    cause: str
    cash: Decimal = ZERO
    symbol: str = ""
    shares: Decimal = ZERO


@dataclass(frozen=True)
class Missed:
    """Shares that the rebalance of `session` meant to trade and did not: positive of a purchase."""

    session: date
    symbol: str
    shares: Decimal
    why: str


@dataclass(frozen=True)
class BookSession:
    """A book over one session, as the ledger has it: dollars, and shares by symbol.

    `cash_before` and `held_before` are those of the end of the session before, `splits` the shares
    that splits added (negative: took), `missed` those of the latest rebalance before the session.
    """

    book: str
    session: date
    cash_before: Decimal
    cash: Decimal
    held_before: Mapping[str, Decimal] = field(default_factory=dict)
    held: Mapping[str, Decimal] = field(default_factory=dict)
    flow: Decimal = ZERO
    dividends: Decimal = ZERO
    fees: Decimal = ZERO
    interest: Decimal = ZERO
    splits: Mapping[str, Decimal] = field(default_factory=dict)
    fills: Sequence[PricedFill] = ()
    corrections: Sequence[Correction] = ()
    missed: Sequence[Missed] = ()


@dataclass(frozen=True)
class SessionPrices:
    """Closes as traded, dollars, in the session and the one before; total returns, fractions.

    A symbol without a return did not move. `missed` is what a share that was missed is worth at the
    close before the session, counted in shares of the session in which it was missed.
    """

    closes: Mapping[str, Decimal]
    closes_before: Mapping[str, Decimal] = field(default_factory=dict)
    returns: Mapping[str, Decimal] = field(default_factory=dict)
    missed: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelSession:
    """The strategy on paper in one session: its returns, and the weights it held going into it."""

    same_close: Decimal = ZERO
    gross: Decimal = ZERO
    weights: Mapping[str, Decimal] = field(default_factory=dict)
