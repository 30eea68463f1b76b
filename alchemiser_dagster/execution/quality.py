"""Execution quality: what a block of shares was traded at, against what it was decided at.

    slippage (bps) = side x (VWAP - arrival mid) / arrival mid x 10,000     side: +1 buy, -1 sell
    slippage (dollars) = side x (VWAP - arrival mid) x shares

Positive is a cost. The arrival mid is the mid of the quote at the block's first step (Perold, "The
implementation shortfall", 1988). BUY 100: 40 at 100.10, 35 at 100.15, 25 at 100.22 with an arrival
mid of 100.10 has a VWAP of 100.1475 and 4.745 bps of slippage.

What books cross with each other has no slippage: it changes hands at the mid, and saves the spread
that both would have paid.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.schema import blocks, crosses, executions, orders

BASIS_POINTS = Decimal(10_000)
COSTLY_BPS, COSTLY_DOLLARS = Decimal(10), Decimal(100)
"""A block that costs more than both asks for somebody to look."""


@dataclass(frozen=True)
class Quality:
    """One block of a session. Prices in dollars a share; None where there was none.

    `spread_bps` is the quoted spread on arrival, `steps` the orders sent, `seconds` from the first
    order to the last execution.
    """

    block_id: str
    session: date
    symbol: str
    side: str
    state: str
    reason: str
    quantity: Decimal
    filled: Decimal
    arrival_mid: Decimal | None
    spread_bps: Decimal | None
    vwap: Decimal | None
    steps: int
    order_types: tuple[str, ...]
    seconds: float | None

    @property
    def slippage_bps(self) -> Decimal | None:
        """Basis points paid (positive) or gained against the arrival mid."""
        if self.vwap is None or not self.arrival_mid:
            return None
        return self._sign * (self.vwap - self.arrival_mid) / self.arrival_mid * BASIS_POINTS

    @property
    def slippage_dollars(self) -> Decimal | None:
        """Dollars paid (positive) or gained against the arrival mid."""
        if self.vwap is None or self.arrival_mid is None:
            return None
        return self._sign * (self.vwap - self.arrival_mid) * self.filled

    @property
    def is_costly(self) -> bool:
        """Whether somebody should look at what the block cost."""
        bps, dollars = self.slippage_bps, self.slippage_dollars
        if bps is None or dollars is None:
            return False
        return bps > COSTLY_BPS and dollars > COSTLY_DOLLARS

    @property
    def _sign(self) -> int:
        return 1 if self.side == "buy" else -1

    def __str__(self) -> str:
        filled, quantity = (f"{q.normalize():f}" for q in (self.filled, self.quantity))
        told = f"{self.side} {self.symbol}: {self.state}, {filled} of {quantity}"
        if self.vwap is not None and self.slippage_bps is not None:
            told += f" at {self.vwap:.4f}, slippage {self.slippage_bps:+.2f} bps"
            told += f" ({self.slippage_dollars:+.2f} dollars)"
        return told + (f"; {self.reason}" if self.reason else "")

    def as_metadata(self) -> dict[str, float | int | str]:
        """What a page shows of it: floats, because nothing is reckoned from them."""
        shown: dict[str, float | int | str | None] = {
            "symbol": self.symbol,
            "side": self.side,
            "state": self.state,
            "quantity": float(self.quantity),
            "filled": float(self.filled),
            "arrival mid": _float(self.arrival_mid),
            "spread (bps)": _float(self.spread_bps),
            "VWAP": _float(self.vwap),
            "slippage (bps)": _float(self.slippage_bps),
            "slippage (dollars)": _float(self.slippage_dollars),
            "steps": self.steps,
            "order types": ", ".join(self.order_types),
            "seconds": self.seconds,
        }
        return {name: value for name, value in shown.items() if value is not None}


def block_quality(connection: Connection, block_id: str) -> Quality:
    """How one block was executed."""
    row = connection.execute(select(blocks).where(blocks.c.block_id == block_id)).one()
    sent = connection.execute(
        select(orders)
        .where(orders.c.block_id == block_id)
        .order_by(orders.c.attempt, orders.c.step)
    ).all()
    filled = connection.execute(
        select(executions)
        .join(orders, orders.c.client_order_id == executions.c.client_order_id)
        .where(orders.c.block_id == block_id)
    ).all()
    shares = sum((part.quantity for part in filled), ZERO)
    value = sum((part.quantity * part.price for part in filled), ZERO)
    mid = spread = None
    if row.arrival_bid is not None:
        mid = (row.arrival_bid + row.arrival_ask) / 2
        spread = (row.arrival_ask - row.arrival_bid) / mid * BASIS_POINTS
    return Quality(
        block_id=block_id,
        session=row.session,
        symbol=row.symbol,
        side=row.side,
        state=row.state,
        reason=row.reason,
        quantity=row.quantity,
        filled=shares,
        arrival_mid=mid,
        spread_bps=spread,
        vwap=value / shares if shares else None,
        steps=len(sent),
        order_types=tuple(dict.fromkeys(order.order_type for order in sent)),
        seconds=_seconds([order.submitted_at for order in sent], [e.executed_at for e in filled]),
    )


def session_quality(connection: Connection, session: date) -> list[Quality]:
    """How the blocks of a session were executed, by symbol."""
    found = connection.execute(
        select(blocks.c.block_id).where(blocks.c.session == session).order_by(blocks.c.block_id)
    ).scalars()
    return [block_quality(connection, block_id) for block_id in found]


@dataclass(frozen=True)
class Crossed:
    """Shares of one symbol that changed books, at `price`, half way between `bid` and `ask`."""

    symbol: str
    quantity: Decimal
    price: Decimal
    bid: Decimal
    ask: Decimal

    @property
    def spread_bps(self) -> Decimal:
        """The quoted spread when they crossed."""
        return (self.ask - self.bid) / self.price * BASIS_POINTS

    @property
    def saved_spread(self) -> Decimal:
        """Dollars that seller and buyer would have paid the market, unrounded."""
        return self.quantity * (self.ask - self.bid)


def session_crosses(connection: Connection, session: date) -> list[Crossed]:
    """What the books of a session traded with each other, by symbol."""
    rows = connection.execute(
        select(crosses).where(crosses.c.session == session).order_by(crosses.c.symbol)
    )
    return [Crossed(row.symbol, row.quantity, row.price, row.bid, row.ask) for row in rows]


@dataclass(frozen=True)
class Cost:
    """What blocks cost together: `dollars` of slippage, `traded` dollars they bought and sold."""

    dollars: Decimal
    traded: Decimal

    @property
    def bps(self) -> Decimal | None:
        """Slippage in basis points of what was traded; None where nothing was."""
        return self.dollars / self.traded * BASIS_POINTS if self.traded else None


def cost_of(blocks_: Iterable[Quality]) -> Cost:
    """The cost of those blocks whose slippage is known."""
    dollars = traded = ZERO
    for block in blocks_:
        if block.slippage_dollars is not None and block.vwap is not None:
            dollars += block.slippage_dollars
            traded += block.vwap * block.filled
    return Cost(dollars, traded)


def _seconds(sent: Sequence[datetime], filled: Sequence[datetime]) -> float | None:
    if not sent or not filled:
        return None
    return max(0.0, (max(filled) - min(sent)).total_seconds())


def _float(number: Decimal | None) -> float | None:
    return None if number is None else round(float(number), 6)
