"""What a fill was worth against the close of its session, link by link.

A strategy on paper trades at the close c; a book trades before it, at p. With s = +1 for a purchase
and -1 for a sale of q shares, a fill gained s (c - p) q over the paper. The way from the close back
to the fill is a chain of prices, whose links sum to that whatever the prices are:

    after the decision   s (c - d) q      d: the price the session's books were planned at
    delay                s (d - m) q      m: the mid on arrival, at the block's first step
    spread               s (m - t) q      t: the touch then, the ask of a purchase, the bid of a
                                             sale
    walk                 s (t - p) q      p q: the cash that moved, so with its rounding to cents
    total                s (c - p) q

(The links of A. Perold, "The implementation shortfall", Journal of Portfolio Management, 1988,
with the sign of a gain.) What books cross with each other changes hands at the mid: the spread is
counted as it would have been paid, and given back as `crossing_saved`.

    BUY 10 at 100.30 for 1,003.00, decided at 100.00, arrival 100.05/100.15, close 101.00
    after +10.00, delay -1.00, spread -0.50, walk -1.50: +7.00 = 10 x 101.00 - 1,003.00

A link whose price is not known is left out, and its neighbour spans the gap. Without an arrival
quote, delay and spread are 0 and the walk goes from the decision to the fill. Without a decision
price, delay is 0 and "after the decision" goes from the close to the arrival mid; without both, to
the fill.
"""

from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO


@dataclass(frozen=True)
class PricedFill:
    """One fill of a book, with the prices on its way; dollars a share, None where not known.

    `cash` is the dollars that moved, positive. `bid` and `ask` are those on arrival; of a cross,
    those whose mid is its price.
    """

    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    cash: Decimal
    decision: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    is_cross: bool = False


@dataclass(frozen=True)
class PriceChain:
    """Dollars that each link of the chain gained (positive) or cost."""

    after_decision: Decimal = ZERO
    delay: Decimal = ZERO
    spread: Decimal = ZERO
    walk: Decimal = ZERO
    crossing_saved: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """What the fill gained over a trade at the close."""
        return self.after_decision + self.delay + self.spread + self.walk + self.crossing_saved

    def __add__(self, other: "PriceChain") -> "PriceChain":
        return PriceChain(
            self.after_decision + other.after_decision,
            self.delay + other.delay,
            self.spread + other.spread,
            self.walk + other.walk,
            self.crossing_saved + other.crossing_saved,
        )


def price_chain(fill: PricedFill, close: Decimal) -> PriceChain:
    """The chain of one fill, from the close of its session to its price. Exact."""
    sign = 1 if fill.side == "buy" else -1
    mid, touch = _arrival(fill)
    decision = fill.decision
    if decision is None:
        decision = fill.price if mid is None else mid
    if mid is None or touch is None:
        mid = touch = decision
    spread = sign * (mid - touch) * fill.quantity
    end = mid if fill.is_cross else touch
    return PriceChain(
        after_decision=sign * (close - decision) * fill.quantity,
        delay=sign * (decision - mid) * fill.quantity,
        spread=spread,
        walk=sign * (end * fill.quantity - fill.cash),
        crossing_saved=-spread if fill.is_cross else ZERO,
    )


def _arrival(fill: PricedFill) -> tuple[Decimal | None, Decimal | None]:
    """The mid and the touch on arrival."""
    if fill.bid is None or fill.ask is None:
        return None, None
    # A cross is at the mid as it was rounded to a price.
    mid = fill.price if fill.is_cross else (fill.bid + fill.ask) / 2
    return mid, fill.ask if fill.side == "buy" else fill.bid
