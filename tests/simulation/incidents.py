"""What happens to the account by other hands than the program's.

A person trades in the same account, money comes and goes, the venue halts a symbol, the broker
blocks the account, the ledger's file is locked by somebody's backup, an operator pulls the brake.
Each at its moment: in the morning, before the trading begins, or in the middle of it, at the n-th
boundary that the program passes (see `deaths`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from random import Random


class IncidentKind(StrEnum):
    """What can happen."""

    TRADE_BY_HAND = "trade by hand"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    BUST = "trade bust"
    SYMBOL_HALTED = "symbol halted"
    NOT_TRADABLE = "not tradable"
    NOT_FRACTIONABLE = "not fractionable"
    ACCOUNT_BLOCKED = "account blocked"
    LEDGER_LOCKED = "ledger locked"
    BRAKE_ACCOUNT = "brake: account"
    BRAKE_SYMBOL = "brake: symbol"
    BRAKE_BOOK = "brake: book"
    FLATTEN_BOOK = "book sold to cash"


IN_THE_MIDDLE = (
    IncidentKind.TRADE_BY_HAND,
    IncidentKind.DEPOSIT,
    IncidentKind.WITHDRAWAL,
    IncidentKind.SYMBOL_HALTED,
    IncidentKind.NOT_TRADABLE,
    IncidentKind.NOT_FRACTIONABLE,
    IncidentKind.ACCOUNT_BLOCKED,
    IncidentKind.LEDGER_LOCKED,
    IncidentKind.BRAKE_ACCOUNT,
    IncidentKind.BRAKE_SYMBOL,
    IncidentKind.BRAKE_BOOK,
)
IN_THE_MORNING = (
    IncidentKind.TRADE_BY_HAND,
    IncidentKind.DEPOSIT,
    IncidentKind.WITHDRAWAL,
    IncidentKind.BUST,
    IncidentKind.SYMBOL_HALTED,
    IncidentKind.NOT_TRADABLE,
    IncidentKind.NOT_FRACTIONABLE,
    IncidentKind.ACCOUNT_BLOCKED,
    IncidentKind.BRAKE_ACCOUNT,
    IncidentKind.BRAKE_SYMBOL,
    IncidentKind.BRAKE_BOOK,
    IncidentKind.FLATTEN_BOOK,
)
UNDER_WAY = 250
"""About how many boundaries a session has."""


@dataclass(frozen=True)
class Incident:
    """One incident: `boundary` 0 is the morning of `session`, else its n-th boundary.

    `shares` (negative: sold) are of a trade by hand, `share_of_cash` of a deposit or withdrawal.
    """

    session: int
    boundary: int
    kind: IncidentKind
    symbol: str
    book: str
    shares: Decimal
    share_of_cash: Decimal

    @property
    def brake(self) -> str | None:
        """The scope that an operator halts by it; None for what is no brake."""
        match self.kind:
            case IncidentKind.BRAKE_ACCOUNT:
                return "account"
            case IncidentKind.BRAKE_SYMBOL:
                return f"symbol:{self.symbol}"
            case IncidentKind.BRAKE_BOOK:
                return f"book:{self.book}"
            case _:
                return None

    def __str__(self) -> str:
        match self.kind:
            case IncidentKind.TRADE_BY_HAND:
                return f"{self.kind}: {self.shares} {self.symbol}"
            case IncidentKind.DEPOSIT | IncidentKind.WITHDRAWAL:
                return f"{self.kind}: {self.share_of_cash} of the cash"
            case IncidentKind.BRAKE_BOOK | IncidentKind.FLATTEN_BOOK:
                return f"{self.kind} {self.book}"
            case IncidentKind.ACCOUNT_BLOCKED | IncidentKind.LEDGER_LOCKED:
                return str(self.kind)
            case IncidentKind.BRAKE_ACCOUNT:
                return str(self.kind)
            case _:
                return f"{self.kind}: {self.symbol}"


def draw_incidents(
    chance: Random, sessions: int, symbols: Sequence[str], books: Sequence[str]
) -> list[Incident]:
    """The incidents of a whole simulation: most sessions have none, a few have two."""
    incidents = []
    for session in range(sessions):
        for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2))):
            morning = chance.random() < 0.5
            incidents.append(
                Incident(
                    session=session,
                    boundary=0 if morning else chance.randint(1, UNDER_WAY),
                    kind=chance.choice(IN_THE_MORNING if morning else IN_THE_MIDDLE),
                    symbol=chance.choice(symbols),
                    book=chance.choice(books),
                    shares=Decimal(chance.choice((-7, -1, "-0.5", "0.25", 2, 5))),
                    share_of_cash=Decimal(chance.choice(("0.001", "0.05", "0.5"))),
                )
            )
    return incidents
