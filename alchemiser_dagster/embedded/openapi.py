"""The server's own OpenAPI document, at `/_sim/openapi.json`."""

import re
from collections.abc import Mapping
from typing import Any

from alchemiser_dagster.embedded.schemas import (
    SCHEMAS,
    TEXT,
    Schema,
    by_symbol,
    exactly,
    listing,
    optional,
    ref,
)

PAGE_TOKEN = {"next_page_token": optional(TEXT)}
OUTCOMES = listing({"type": "object", "required": ["status"]})
ORDER_BODY: Schema = {
    "type": "object",
    "properties": {
        "symbol": TEXT,
        "qty": {"type": ["string", "number"]},
        "notional": {"type": ["string", "number"]},
        "side": {"enum": ["buy", "sell"]},
        "type": {"enum": ["market", "limit", "stop", "stop_limit", "trailing_stop"]},
        "time_in_force": {"enum": ["day", "gtc", "opg", "cls", "ioc", "fok"]},
        "limit_price": {"type": ["string", "number"]},
        "stop_price": {"type": ["string", "number"]},
        "extended_hours": {"type": "boolean"},
        "client_order_id": TEXT,
        "order_class": {"enum": ["", "simple", "bracket", "oco", "oto", "mleg"]},
        "take_profit": {"type": "object"},
        "stop_loss": {"type": "object"},
    },
    "required": ["type", "time_in_force"],
}
REPLACE_BODY: Schema = {
    "type": "object",
    "properties": {
        name: {"type": ["string", "number"]}
        for name in ("qty", "limit_price", "stop_price", "trail")
    },
}
ACTIONS = {
    "cash_dividends": listing(ref("CashDividend")),
    "forward_splits": listing(ref("ForwardSplit")),
    "reverse_splits": listing(ref("ReverseSplit")),
}
SETTINGS_BODY: Schema = {"type": "object"}

# method, path, status, schema of the answer (None: no body), query parameters, schema of the body
OPERATIONS: tuple[tuple[str, str, int, Schema | None, str, Schema | None], ...] = (
    ("get", "/v2/account", 200, ref("Account"), "", None),
    ("get", "/v2/account/configurations", 200, ref("AccountConfiguration"), "", None),
    ("patch", "/v2/account/configurations", 200, ref("AccountConfiguration"), "", SETTINGS_BODY),
    (
        "get",
        "/v2/account/activities",
        200,
        listing(ref("Activity")),
        "activity_types date until after direction page_size page_token",
        None,
    ),
    (
        "get",
        "/v2/account/activities/{type}",
        200,
        listing(ref("Activity")),
        "date until after direction page_size page_token",
        None,
    ),
    (
        "get",
        "/v2/account/portfolio/history",
        200,
        ref("PortfolioHistory"),
        "period timeframe start end",
        None,
    ),
    ("get", "/v2/clock", 200, ref("Clock"), "", None),
    ("get", "/v2/calendar", 200, listing(ref("CalendarDay")), "start end", None),
    ("get", "/v2/assets", 200, listing(ref("Asset")), "status asset_class exchange", None),
    ("get", "/v2/assets/{symbol}", 200, ref("Asset"), "", None),
    ("post", "/v2/orders", 200, ref("Order"), "", ORDER_BODY),
    (
        "get",
        "/v2/orders",
        200,
        listing(ref("Order")),
        "status limit after until direction nested side symbols before_order_id after_order_id",
        None,
    ),
    ("delete", "/v2/orders", 207, OUTCOMES, "", None),
    ("get", "/v2/orders:by_client_order_id", 200, ref("Order"), "client_order_id", None),
    ("get", "/v2/orders/{order_id}", 200, ref("Order"), "nested", None),
    ("patch", "/v2/orders/{order_id}", 200, ref("Order"), "", REPLACE_BODY),
    ("delete", "/v2/orders/{order_id}", 204, None, "", None),
    ("get", "/v2/positions", 200, listing(ref("Position")), "", None),
    ("delete", "/v2/positions", 207, OUTCOMES, "cancel_orders", None),
    ("get", "/v2/positions/{symbol}", 200, ref("Position"), "", None),
    ("delete", "/v2/positions/{symbol}", 200, ref("Order"), "qty percentage", None),
    ("post", "/v2/positions/{symbol}/exercise", 200, None, "", None),
    (
        "get",
        "/v2/options/contracts",
        200,
        exactly({"option_contracts": listing(ref("OptionContract")), **PAGE_TOKEN}),
        "underlying_symbols status expiration_date expiration_date_gte expiration_date_lte"
        " root_symbol type style strike_price_gte strike_price_lte limit page_token",
        None,
    ),
    ("get", "/v2/options/contracts/{symbol}", 200, ref("OptionContract"), "", None),
    (
        "get",
        "/v2/stocks/bars",
        200,
        exactly({"bars": by_symbol(listing(ref("Bar"))), **PAGE_TOKEN}),
        "symbols timeframe start end limit adjustment sort page_token",
        None,
    ),
    (
        "get",
        "/v2/stocks/bars/latest",
        200,
        exactly({"bars": by_symbol(ref("Bar"))}),
        "symbols",
        None,
    ),
    (
        "get",
        "/v2/stocks/quotes/latest",
        200,
        exactly({"quotes": by_symbol(ref("Quote"))}),
        "symbols",
        None,
    ),
    (
        "get",
        "/v2/stocks/trades/latest",
        200,
        exactly({"trades": by_symbol(ref("Trade"))}),
        "symbols",
        None,
    ),
    ("get", "/v2/stocks/snapshots", 200, by_symbol(ref("Snapshot")), "symbols", None),
    (
        "get",
        "/v1beta1/options/bars",
        200,
        exactly({"bars": by_symbol(listing(ref("Bar"))), **PAGE_TOKEN}),
        "symbols timeframe start end limit page_token",
        None,
    ),
    (
        "get",
        "/v1beta1/options/quotes/latest",
        200,
        exactly({"quotes": by_symbol(ref("Quote"))}),
        "symbols",
        None,
    ),
    (
        "get",
        "/v1beta1/options/trades/latest",
        200,
        exactly({"trades": by_symbol(ref("Trade"))}),
        "symbols",
        None,
    ),
    (
        "get",
        "/v1beta1/options/snapshots",
        200,
        exactly({"snapshots": by_symbol(ref("OptionSnapshot")), **PAGE_TOKEN}),
        "symbols limit page_token",
        None,
    ),
    (
        "get",
        "/v1beta1/options/snapshots/{underlying}",
        200,
        exactly({"snapshots": by_symbol(ref("OptionSnapshot")), **PAGE_TOKEN}),
        "type strike_price_gte strike_price_lte expiration_date expiration_date_gte"
        " expiration_date_lte limit page_token",
        None,
    ),
    ("get", "/v1beta1/options/meta/exchanges", 200, by_symbol(TEXT), "", None),
    (
        "get",
        "/v1/corporate-actions",
        200,
        exactly(
            {
                "corporate_actions": exactly(ACTIONS, may_lack=tuple(ACTIONS)),
                **PAGE_TOKEN,
            }
        ),
        "symbols types start end ids limit sort page_token",
        None,
    ),
)


def document(version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the trading and data APIs."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, status, schema, query, body in OPERATIONS:
        paths.setdefault(path, {})[method] = _operation(path, status, schema, query, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Embedded Alpaca", "version": version},
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name}
                for name in ("APCA-API-KEY-ID", "APCA-API-SECRET-KEY")
            },
        },
        "security": [{"APCA-API-KEY-ID": [], "APCA-API-SECRET-KEY": []}],
    }


def _operation(
    path: str, status: int, schema: Schema | None, query: str, body: Schema | None
) -> Mapping[str, Any]:
    places = dict.fromkeys(re.findall(r"{(\w+)}", path), "path")
    places |= dict.fromkeys(query.split(), "query")
    answer: dict[str, Any] = {"description": "as asked"}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    operation: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": place, "required": place == "path", "schema": TEXT}
            for name, place in places.items()
        ],
        "responses": {
            str(status): answer,
            "4XX": {
                "description": "refused",
                "content": {"application/json": {"schema": ref("Error")}},
            },
        },
    }
    if body is not None:
        content = {"application/json": {"schema": body}}
        operation["requestBody"] = {"content": content, "required": True}
    return operation
