"""JSON schemas of what the server answers, written by hand from what Alpaca sends.

An object has exactly the keys listed: one that is missing, or that Alpaca does not send, is a
mistake. Money and quantities are strings in the trading API and numbers in the data API.
"""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
ID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
MONEY: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}


def optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def listing(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def by_symbol(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def exactly(properties: Mapping[str, Schema], may_lack: tuple[str, ...] = ()) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in may_lack],
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _all(schema: Schema, names: str) -> dict[str, Schema]:
    return dict.fromkeys(names.split(), schema)


SCHEMAS: dict[str, Schema] = {
    "Error": {
        "type": "object",
        "properties": {"code": INTEGER, "message": TEXT},
        "required": ["message"],
        "additionalProperties": TEXT,
    },
    "Account": exactly(
        {
            "id": ID,
            **_all(TEXT, "account_number status crypto_status currency"),
            **_all(
                MONEY,
                "cash equity portfolio_value last_equity long_market_value short_market_value"
                " position_market_value buying_power effective_buying_power regt_buying_power"
                " non_marginable_buying_power options_buying_power multiplier initial_margin"
                " maintenance_margin last_maintenance_margin sma accrued_fees"
                " pending_transfer_in pending_transfer_out",
            ),
            "balance_asof": DAY,
            "created_at": TIME,
            **_all(
                FLAG,
                "trading_blocked transfers_blocked account_blocked trade_suspended_by_user"
                " shorting_enabled",
            ),
            **_all(INTEGER, "options_approved_level options_trading_level crypto_tier"),
            "admin_configurations": {"type": "object"},
            "user_configurations": {"type": "null"},
        }
    ),
    "AccountConfiguration": exactly(
        {
            **_all(FLAG, "fractional_trading no_shorting ptp_no_exception_entry suspend_trade"),
            **_all(TEXT, "max_margin_multiplier trade_confirm_email"),
            "max_options_trading_level": optional(INTEGER),
        }
    ),
    "Order": exactly(
        {
            "id": ID,
            "client_order_id": TEXT,
            **_all(TIME, "created_at updated_at submitted_at expires_at"),
            **_all(optional(TIME), "filled_at expired_at canceled_at failed_at replaced_at"),
            **_all(optional(ID), "replaced_by replaces"),
            **_all(
                TEXT,
                "asset_id symbol asset_class order_class order_type type side position_intent"
                " time_in_force status",
            ),
            **_all(
                optional(MONEY),
                "notional qty filled_avg_price limit_price stop_price trail_percent trail_price"
                " hwm ratio_qty",
            ),
            "filled_qty": MONEY,
            "extended_hours": FLAG,
            "legs": optional(listing(ref("Order"))),
            **_all({"type": "null"}, "subtag source"),
        }
    ),
    "Position": exactly(
        {
            "asset_id": ID,
            **_all(TEXT, "symbol exchange asset_class side"),
            "asset_marginable": FLAG,
            **_all(
                MONEY,
                "qty qty_available avg_entry_price market_value cost_basis unrealized_pl"
                " unrealized_plpc unrealized_intraday_pl unrealized_intraday_plpc current_price"
                " lastday_price change_today",
            ),
        }
    ),
    "Asset": exactly(
        {
            "id": ID,
            **_all(TEXT, "class exchange symbol name status borrow_status"),
            **_all(FLAG, "tradable marginable shortable easy_to_borrow fractionable"),
            "maintenance_margin_requirement": NUMBER,
            **_all(MONEY, "margin_requirement_long margin_requirement_short"),
            "attributes": listing(TEXT),
        }
    ),
    "Clock": exactly({"timestamp": TIME, "is_open": FLAG, "next_open": TIME, "next_close": TIME}),
    "CalendarDay": exactly(
        {
            **_all(DAY, "date settlement_date"),
            **_all(TEXT, "open close session_open session_close"),
        }
    ),
    "Activity": {
        "type": "object",
        "properties": {"id": TEXT, "activity_type": TEXT},
        "required": ["id", "activity_type"],
        "additionalProperties": TEXT,
    },
    "PortfolioHistory": exactly(
        {
            "timestamp": listing(INTEGER),
            **_all(listing(NUMBER), "equity profit_loss"),
            "profit_loss_pct": listing(optional(NUMBER)),
            "base_value": NUMBER,
            "base_value_asof": optional(DAY),
            "timeframe": TEXT,
            "cashflow": {"type": "object"},
        }
    ),
    "Bar": exactly(
        {"t": TIME, **_all(NUMBER, "o h l c v"), "n": optional(INTEGER), "vw": optional(NUMBER)}
    ),
    "Quote": exactly(
        {
            "t": TIME,
            **_all(NUMBER, "bp bs ap as"),
            **_all(TEXT, "bx ax z"),
            "c": {"anyOf": [TEXT, listing(TEXT)]},
        }
    ),
    "Trade": exactly(
        {
            "t": TIME,
            **_all(NUMBER, "p s"),
            "i": INTEGER,
            **_all(TEXT, "x z"),
            "c": {"anyOf": [TEXT, listing(TEXT)]},
        }
    ),
    "Snapshot": exactly(
        {
            "latestTrade": optional(ref("Trade")),
            "latestQuote": optional(ref("Quote")),
            **_all(optional(ref("Bar")), "minuteBar dailyBar prevDailyBar"),
        }
    ),
    "OptionContract": exactly(
        {
            **_all(ID, "id underlying_asset_id"),
            **_all(TEXT, "symbol name status root_symbol underlying_symbol type style size"),
            **_all(FLAG, "tradable ppind"),
            "expiration_date": DAY,
            **_all(MONEY, "strike_price multiplier"),
            **_all(optional(MONEY), "open_interest close_price"),
            **_all(optional(DAY), "open_interest_date close_price_date"),
        }
    ),
    "OptionSnapshot": exactly(
        {
            "latestTrade": ref("Trade"),
            "latestQuote": ref("Quote"),
            "impliedVolatility": NUMBER,
            "greeks": exactly(_all(NUMBER, "delta gamma theta vega rho")),
        }
    ),
    "ForwardSplit": exactly(
        {
            "id": ID,
            **_all(TEXT, "symbol cusip"),
            **_all(NUMBER, "new_rate old_rate"),
            **_all(DAY, "process_date ex_date record_date payable_date"),
            "due_bill_redemption_date": optional(DAY),
        }
    ),
    "ReverseSplit": exactly(
        {
            "id": ID,
            **_all(TEXT, "symbol old_cusip new_cusip"),
            **_all(NUMBER, "new_rate old_rate"),
            **_all(DAY, "process_date ex_date record_date payable_date"),
        }
    ),
    "CashDividend": exactly(
        {
            "id": ID,
            **_all(TEXT, "symbol cusip"),
            "rate": NUMBER,
            **_all(FLAG, "special foreign"),
            **_all(DAY, "process_date ex_date record_date payable_date"),
        }
    ),
}
