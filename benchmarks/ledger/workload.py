"""The trades of the ledger's benchmark: several books that buy and sell the same symbols, by seed.

In each session a third of the symbols is traded, each on one side. An order is for one to three
books and is executed in one or two parts, so most executions become several fills. Books sell a
part of what they hold, now and then all of it: lots are consumed over several sales, and a sale
goes through several lots.

Shares are whole and prices have two places, so that every engine's cents are exact.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from alchemiser_dagster.ledger.posting import Execution

SEED = 20_261_126
BOOKS = tuple(f"book{number:02d}" for number in range(8))
SYMBOLS = tuple(f"S{number:03d}" for number in range(60))
FIRST = dt.date(2010, 1, 4)


@dataclass(frozen=True)
class Traded:
    """One order, shares by book, and how it was executed."""

    session: dt.date
    symbol: str
    side: str
    shares: dict[str, Decimal]
    executions: tuple[Execution, ...]

    @property
    def name(self) -> str:
        """Its client order id, of which there is one a symbol and session."""
        return f"{self.session}.{self.symbol}"

    @property
    def quantity(self) -> Decimal:
        """Shares of all books."""
        return Decimal(sum(self.shares.values()))


def orders(fills: int, seed: int = SEED) -> list[Traded]:
    """Orders whose executions become about `fills` fills.

    A book with a few shares in an order may get none of an execution, so there are a little fewer.
    """
    made: list[Traded] = []
    for order in _orders(Random(seed)):
        made.append(order)
        fills -= len(order.shares) * len(order.executions)
        if fills <= 0:
            break
    return made


def _orders(random: Random) -> Iterator[Traded]:
    held: dict[str, dict[str, int]] = defaultdict(dict)
    prices = {symbol: random.randint(2_000, 40_000) for symbol in SYMBOLS}
    for session in _weekdays():
        for symbol in random.sample(SYMBOLS, len(SYMBOLS) // 3):
            prices[symbol] = max(500, prices[symbol] + random.randint(-300, 310))
            own = held[symbol]
            side = "sell" if own and random.random() < 0.5 else "buy"
            if side == "buy":
                shares = {b: random.randint(2, 90) for b in _some(random, BOOKS)}
            else:
                shares = {b: _sold(random, own[b]) for b in _some(random, sorted(own))}
            for book, amount in shares.items():
                own[book] = own.get(book, 0) + (amount if side == "buy" else -amount)
                if own[book] == 0:
                    del own[book]
            yield _order(random, session, symbol, side, shares, prices[symbol])


def _order(
    random: Random, session: dt.date, symbol: str, side: str, shares: dict[str, int], cents: int
) -> Traded:
    total = sum(shares.values())
    cut = total // 2 if total > 1 and random.random() < 0.5 else total
    at = dt.datetime.combine(session, dt.time(20, 50), dt.UTC)
    executions = tuple(
        Execution(
            execution_id=f"{session}.{symbol}.{part}",
            quantity=Decimal(quantity),
            cumulative_quantity=Decimal(cumulative),
            price=Decimal(cents + part).scaleb(-2),
            executed_at=at + dt.timedelta(seconds=part),
        )
        for part, quantity, cumulative in ((1, cut, cut), (2, total - cut, total))
        if quantity
    )
    by_book = {book: Decimal(amount) for book, amount in sorted(shares.items())}
    return Traded(session, symbol, side, by_book, executions)


def _some(random: Random, books: Sequence[str]) -> list[str]:
    return random.sample(books, min(len(books), random.randint(1, 3)))


def _sold(random: Random, amount: int) -> int:
    """All of it one time in eight, up to half of it otherwise."""
    return amount if random.random() < 1 / 8 else random.randint(1, (amount + 1) // 2)


def _weekdays() -> Iterator[dt.date]:
    day = FIRST
    while True:
        if day.weekday() < 5:
            yield day
        day += dt.timedelta(days=1)
