"""What the trading of a session works with: the broker, the ledger, and the rules' numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.ledger.store import Ledger

WINDOW = timedelta(minutes=15)
"""Trading begins this long before the close."""
DEPLOYMENT = Decimal("0.98")
"""Share of a book's capital that is invested; the rest pays for spreads and moving prices."""


@dataclass(frozen=True)
class Desk:
    """One account's trading desk. `environment` is embedded, paper or live.

    With `crossing`, what one book sells and another buys changes books without an order.
    """

    gateway: Gateway
    ledger: Ledger
    environment: str
    crossing: bool = True


@dataclass(frozen=True)
class Capital:
    """What the limits of a session are reckoned from, dollars: equity, and each book's capital."""

    equity: Decimal
    books: Mapping[str, Decimal] = field(default_factory=dict)
