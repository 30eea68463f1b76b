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
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO, floor_cents, round_to_total

ABSOLUTE_BAND = Decimal("0.10")
RELATIVE_BAND = Decimal("0.25")


def opening_capital(account_cash: Decimal, allocation: Decimal) -> Decimal:
    """Dollars a book is opened with: its share of the account's cash, rounded down to the cent.

    Only for books that do not exist yet. The cash of an account in use belongs to its books.
    """
    return floor_cents(account_cash * allocation)


def drift_transfers(
    navs: Mapping[str, Decimal],
    allocations: Mapping[str, Decimal],
    *,
    unallocated: str,
    absolute_band: Decimal = ABSOLUTE_BAND,
    relative_band: Decimal = RELATIVE_BAND,
) -> dict[str, Decimal]:
    """What to move into (positive) or out of each book, dollars in cents; empty within the bands.

    `navs` are net asset values by book, dollars, that of the book `unallocated` among them;
    `allocations` shares of 1 by book, without it. A book without an allocation is to have nothing.
    Transfers sum to exactly 0; a book that neither gives nor gets is left out.

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

    targets = {book: allocations.get(book, ZERO) * total for book in navs} | {
        unallocated: left * total
    }
    drifts = {book: abs(nav - targets[book]) for book, nav in navs.items()}
    fires = any(drift > absolute_band * total for drift in drifts.values()) or any(
        drift > relative_band * targets[book]
        for book, drift in drifts.items()
        if book != unallocated and targets[book] > 0
    )
    if not fires:
        return {}
    books = sorted(navs)
    amounts = round_to_total([targets[book] - navs[book] for book in books])
    return {book: amount for book, amount in zip(books, amounts, strict=True) if amount != 0}
