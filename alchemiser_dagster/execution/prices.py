"""The limit prices of a walk through the spread.

    step   BUY limit        SELL limit       rounded to the tick    wait
    1      bid + 0.50 s     ask - 0.50 s     passively              10 s
    2      bid + 0.75 s     ask - 0.75 s     aggressively           10 s
    3      bid + 0.95 s     ask - 0.95 s     aggressively           10 s
    4      market           market                                  30 s

with s the spread. The tick is a cent at a dollar and above, a hundredth of a cent below.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from alchemiser_dagster.execution.quotes import Quote

WALK = (Decimal("0.50"), Decimal("0.75"), Decimal("0.95"))
MARKET_STEP = len(WALK) + 1


def tick(price: Decimal) -> Decimal:
    """The smallest price increment at `price` dollars."""
    return Decimal("0.01") if price >= 1 else Decimal("0.0001")


def limit_price(side: str, step: int, quote: Quote) -> Decimal:
    """The limit of one step (1 to 3) for a valid quote, within its bid and ask, on the tick."""
    reach = WALK[step - 1] * (quote.ask - quote.bid)
    raw = quote.bid + reach if side == "buy" else quote.ask - reach
    # A passive first step rounds away from the other side; later steps round towards it.
    up = (side == "buy") != (step == 1)
    size = tick(raw)
    price = (raw / size).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * size
    price = min(price, quote.ask) if side == "buy" else max(price, quote.bid)
    if not quote.bid <= price <= quote.ask or price <= 0:
        raise ValueError(f"expected a limit within {quote.bid}/{quote.ask}, was {price}")
    return price
