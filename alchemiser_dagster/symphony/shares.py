"""The fractions of weight-specified."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from alchemiser_dagster.symphony.terms import Occurrence

if TYPE_CHECKING:
    from alchemiser_dagster.symphony.compiler import Compiler

SUM_TOLERANCE: Final = Decimal("0.000001")
# Below float64's resolution; rescaling for it would only lengthen the numbers.
SUM_NOISE: Final = Decimal("1e-15")
HUNDRED: Final = Decimal(100)

Pairs = list[tuple[Decimal, Occurrence]]


def whole_shares(compiler: Compiler, offset: int, pairs: Pairs) -> Pairs:
    """Shares that sum to 1 within float64, from ones that sum to 1 or to 100 but for rounding.

    A child with no share at all decides nothing and is left out.
    """
    total = sum((share for share, _ in pairs), Decimal(0))
    if abs(total - HUNDRED) <= SUM_TOLERANCE * HUNDRED:
        pairs = [(share / HUNDRED, child) for share, child in pairs]
        total = sum((share for share, _ in pairs), Decimal(0))
    if abs(total - 1) > SUM_TOLERANCE:
        compiler.fail(offset, f"expected weights that sum to 1 (or to 100), was {total}")
    if abs(total - 1) <= SUM_NOISE:
        total = Decimal(1)
    return [((share / total).normalize(), child) for share, child in pairs if share > 0]
