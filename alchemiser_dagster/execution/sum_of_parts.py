"""Whether the parts sum to the whole: all books' NAV, and the broker's own word for the account.

    residual = equity - NAV - what is on its way          dollars, at the close of a session

The equity is the broker's history of the account, which knows nothing of books. On its way is what
the broker dates up to a session and the books count to a later one, because what was published of
a session stays as it was (`ledger.activity_posting`): the fees of its trades, a dividend of its
morning. Money put in or taken out is in the equity of the session whose equity it changed, which
may be before or after the one that the books count it to: it counts as on its way, in either
direction, when that explains the equity better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, and_, or_, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.identities import PUT_IN
from alchemiser_dagster.ledger.schema import activities, cash_entries

TOLERANCE = Decimal("1.00")
TOLERANCE_SHARE = Decimal("0.0001")
"""The residual may be TOLERANCE dollars, or this share of the equity where that is more: books are
valued at consolidated closes of four places, the broker values positions as it pleases."""


@dataclass(frozen=True)
class OnItsWay:
    """Dollars that the equity has already and the books count later; negative: the other way."""

    activity_id: str
    kind: str
    dated: date
    posted: date
    amount: Decimal
    is_put_in: bool
    is_ahead: bool = False

    def __str__(self) -> str:
        late = ", in the equity later" if self.is_ahead else ""
        return f"{self.kind} of {self.dated}, in the books from {self.posted}{late}"


@dataclass(frozen=True)
class SumOfParts:
    """One session's comparison, dollars. `on_its_way` are those that the equity has already."""

    session: date
    nav: Decimal
    equity: Decimal
    on_its_way: tuple[OnItsWay, ...]

    @property
    def in_transit(self) -> Decimal:
        """What the equity has and the books count later."""
        return sum((line.amount for line in self.on_its_way), ZERO)

    @property
    def residual(self) -> Decimal:
        """Equity that no book has."""
        return self.equity - self.nav - self.in_transit

    @property
    def tolerance(self) -> Decimal:
        """How much of it is let pass."""
        return max(TOLERANCE, TOLERANCE_SHARE * self.equity)

    @property
    def holds(self) -> bool:
        """Within the tolerance."""
        return abs(self.residual) <= self.tolerance


def sum_of_parts(
    session: date, nav: Decimal, equity: Decimal, late: Sequence[OnItsWay]
) -> SumOfParts:
    """Compare, given what is on its way in the session (`on_their_way`)."""
    counted = [line for line in late if not line.is_put_in]
    residual = equity - nav - sum((line.amount for line in counted), ZERO)
    for line in late:
        if line.is_put_in and abs(residual - line.amount) < abs(residual):
            counted.append(line)
            residual -= line.amount
    return SumOfParts(session, nav, equity, tuple(counted))


def on_their_way(connection: Connection, session: date) -> list[OnItsWay]:
    """What may be in the equity of `session` and not in the books, or the other way round, by date.

    What the broker dates up to it and the books count to a later one; and money put in or taken out
    in the session, which the broker may add to the equity of the next.
    """
    put_in = select(cash_entries.c.source_id).where(cash_entries.c.kind.in_(PUT_IN))
    rows = connection.execute(
        select(activities, activities.c.activity_id.in_(put_in).label("is_put_in"))
        .where(
            or_(
                and_(activities.c.dated <= session, activities.c.session > session),
                and_(activities.c.session == session, activities.c.activity_id.in_(put_in)),
            ),
            activities.c.amount.is_not(None),
        )
        .order_by(activities.c.dated, activities.c.activity_id)
    )
    return [
        OnItsWay(
            row.activity_id,
            row.kind,
            row.dated,
            row.session,
            -row.amount if row.session == session else row.amount,
            bool(row.is_put_in),
            is_ahead=row.session == session,
        )
        for row in rows
    ]
