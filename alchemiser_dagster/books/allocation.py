"""Splitting shares over the trades that wait for them.

Several books' trades are filled by one order, and several books buy what another sells. Each gets
shares in proportion to what it is still waiting for:

    A waits for 10, B for 5, C for 5;  7 shares come       A 3.5, B 1.75, C 1.75
    then A for 6.5, B and C for 3.25; 13 shares come       each exactly what it still waited for

Shares are counted in billionths, as the broker counts them, and parts are rounded down. What the
rounding leaves goes to whoever waits for most. So parts always sum to what came, nobody gets more
than it waits for, and any sequence of partial fills ends with everybody filled exactly.
"""

from collections.abc import Mapping
from decimal import Decimal

_PLACES = 9
BILLIONTH = Decimal(1).scaleb(-_PLACES)


def allocate(
    quantity: Decimal, open_: Mapping[str, Decimal], *, step: Decimal = BILLIONTH
) -> dict[str, Decimal]:
    """Split `quantity` shares over the keys of `open_` in proportion to the shares each has open.

    Parts are rounded down to multiples of `step` (1 for symbols held in whole shares); the
    remainder goes to the key with most open, then to the next, among equals in the order of their
    names. Returns a part for every key, 0 where it gets nothing.

    Raises ValueError for more than is open, for a negative amount, and for shares of more than nine
    places.
    """
    waiting = {key: _billionths(amount) for key, amount in open_.items()}
    total = sum(waiting.values())
    left = _billionths(quantity)
    if left > total:
        raise ValueError(
            f"expected at most the {sum(open_.values())} shares that are open, was {quantity}"
        )
    if total == 0:
        return dict.fromkeys(open_, Decimal(0))
    unit = _billionths(step)
    parts = {key: left * amount // total // unit * unit for key, amount in waiting.items()}
    left -= sum(parts.values())
    for key in sorted(waiting, key=lambda key: (-waiting[key], key)):
        extra = min(left, waiting[key] - parts[key])
        parts[key] += extra
        left -= extra
    return {key: Decimal(part).scaleb(-_PLACES) for key, part in parts.items()}


def _billionths(shares: Decimal) -> int:
    # Whole numbers, because a Decimal product of two long quantities would be rounded.
    units = shares.scaleb(_PLACES)
    if units < 0 or units != units.to_integral_value():
        raise ValueError(
            f"expected shares of at most {_PLACES} places and not below 0, was {shares}"
        )
    return int(units)
