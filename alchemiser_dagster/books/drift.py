"""Capital of the books: what each is given, and when it is shared out again.

Books are left to grow apart. With N the net asset value of all books together and a a book's
allocation, capital is shared out again when any book has drifted further than a band allows:

    | NAV / N - a |      > 0.10     ten percentage points of the whole
    | NAV / (a N) - 1 |  > 0.25     a quarter more or less than its share

    NAV       A 45,000   B 28,000   C 27,000      allocations 0.3, 0.3, 0.4
    A is 15 points above its share, so  A -15,000, B +2,000, C +13,000

The first band alone would hardly ever be left where there are many books: one of 16 equal books
would have to grow to 2.91 times its size. Cash nobody has is a book too, with the allocation the
others leave; it is not held to the second band, because its share is what is left over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO, floor_cents, round_to_total

ABSOLUTE_BAND = Decimal("0.10")
RELATIVE_BAND = Decimal("0.25")


def opening_capital(account_cash: Decimal, allocation: Decimal) -> Decimal:
    """Dollars a book is opened with: its share of the account's cash, rounded down to the cent.

    Only for books that do not exist yet. The cash of an account in use belongs to its books.
    """
    return floor_cents(account_cash * allocation)


@dataclass(frozen=True)
class Drift:
    """A book's net asset value beside its share of all books together; dollars.

    `is_rest` says that it is the cash nobody has, which only the absolute band concerns.
    """

    nav: Decimal
    allocation: Decimal
    total: Decimal
    is_rest: bool = False

    @property
    def target(self) -> Decimal:
        """What its allocation would be worth."""
        return self.allocation * self.total

    @property
    def share(self) -> Decimal:
        """Its actual share of the whole."""
        return self.nav / self.total

    @property
    def absolute(self) -> Decimal:
        """How much of the whole it has too much (positive) or too little."""
        return self.share - self.allocation

    @property
    def relative(self) -> Decimal | None:
        """The same as a fraction of its own allocation; None where that does not count."""
        return None if self.is_rest or self.target <= 0 else self.nav / self.target - 1

    def is_beyond(
        self, absolute_band: Decimal = ABSOLUTE_BAND, relative_band: Decimal = RELATIVE_BAND
    ) -> bool:
        """Whether it has left one of the bands."""
        by = abs(self.nav - self.target)
        if by > absolute_band * self.total:
            return True
        return self.relative is not None and by > relative_band * self.target


def drifts(
    navs: Mapping[str, Decimal], allocations: Mapping[str, Decimal], *, unallocated: str
) -> dict[str, Drift]:
    """How far each book has drifted, by book in the order of their names.

    `navs` are net asset values by book, dollars, that of the book `unallocated` among them;
    `allocations` shares of 1 by book, without it. A book without an allocation is to have nothing.

    Raises ValueError for an allocation of a book without NAV, allocations above 1, a missing
    `unallocated`, or books that are worth nothing together.
    """
    unknown = {unallocated, *allocations} - navs.keys()
    if unknown:
        raise ValueError(
            f"expected a NAV for every book, was none for {', '.join(sorted(unknown))}"
        )
    left = 1 - sum(allocations.values(), ZERO)
    if left < 0 or unallocated in allocations:
        raise ValueError(
            f"expected allocations of strategies that sum to at most 1, was {dict(allocations)}"
        )
    total = sum(navs.values(), ZERO)
    if total <= 0:
        raise ValueError(f"expected books worth something together, was {total} dollars")
    shares = dict.fromkeys(navs, ZERO) | dict(allocations) | {unallocated: left}
    return {
        book: Drift(navs[book], shares[book], total, is_rest=book == unallocated)
        for book in sorted(navs)
    }


def drift_transfers(
    navs: Mapping[str, Decimal],
    allocations: Mapping[str, Decimal],
    *,
    unallocated: str,
    absolute_band: Decimal = ABSOLUTE_BAND,
    relative_band: Decimal = RELATIVE_BAND,
) -> dict[str, Decimal]:
    """What to move into (positive) or out of each book, dollars in cents; empty within the bands.

    Takes and raises what `drifts` does. Transfers sum to exactly 0; a book that neither gives nor
    gets is left out.
    """
    found = drifts(navs, allocations, unallocated=unallocated)
    if not any(drift.is_beyond(absolute_band, relative_band) for drift in found.values()):
        return {}
    amounts = round_to_total([drift.target - drift.nav for drift in found.values()])
    return {book: amount for book, amount in zip(found, amounts, strict=True) if amount != 0}
