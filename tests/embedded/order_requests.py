"""Order requests of the SDK, in one line each; every one is a DAY order."""

from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest


def market(
    side: str, symbol: str, qty: str, client_order_id: str | None = None
) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=symbol,
        qty=float(qty),
        side=OrderSide(side),
        time_in_force=TimeInForce.DAY,
        client_order_id=client_order_id,
    )


def dollars(side: str, symbol: str, notional: str) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=symbol,
        notional=float(notional),
        side=OrderSide(side),
        time_in_force=TimeInForce.DAY,
    )


def limit(
    side: str,
    symbol: str,
    qty: str,
    price: str,
    client_order_id: str | None = None,
    time_in_force: str = "day",
    extended_hours: bool = False,
) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol,
        qty=float(qty),
        side=OrderSide(side),
        time_in_force=TimeInForce(time_in_force),
        limit_price=float(price),
        client_order_id=client_order_id,
        extended_hours=extended_hours,
    )
