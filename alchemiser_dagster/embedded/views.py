"""The account's objects as Alpaca writes them: strings for money, UTC stamps, nulls kept."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from alchemiser_dagster.embedded.account import (
    Figures,
    balance_date,
    held_for_orders,
    market_price,
)
from alchemiser_dagster.embedded.bookkeeping import asset_id
from alchemiser_dagster.embedded.clock import (
    Phase,
    hours,
    next_close,
    next_open,
    phase_at,
)
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import ZERO, plain, rounded
from alchemiser_dagster.embedded.option_contracts import is_option, multiplier
from alchemiser_dagster.embedded.option_rules import shares_behind_calls
from alchemiser_dagster.embedded.orders import Order
from alchemiser_dagster.embedded.state import (
    Activity,
    AssetFlags,
    Configuration,
    Position,
    State,
)
from alchemiser_dagster.embedded.wire import new_york, utc_nanos
from alchemiser_dagster.market.sessions import NEW_YORK, next_session

EXCHANGE = "NYSE"
ASSET_CLASS = "us_equity"
OPTION_CLASS = "us_option"
MONEY_PLACES = 2
POSITION_PLACES = 6
RATIO_PLACES = 12

Json = dict[str, object]


def class_of(symbol: str) -> str:
    """The asset class; a multi-leg order has none of its own."""
    if not symbol:
        return ""
    return OPTION_CLASS if is_option(symbol) else ASSET_CLASS


def order_view(order: Order, legs: Sequence[Order] = ()) -> Json:
    def stamp(moment: datetime | None) -> str | None:
        return utc_nanos(moment) if moment is not None else None

    def number(value: Decimal | None) -> str | None:
        return plain(value) if value is not None else None

    average = order.average_price
    return {
        "id": order.id,
        "client_order_id": order.client_order_id,
        "created_at": stamp(order.created_at),
        "updated_at": stamp(order.updated_at),
        "submitted_at": stamp(order.created_at),
        "filled_at": stamp(order.filled_at),
        "expired_at": stamp(order.expired_at),
        "canceled_at": stamp(order.canceled_at),
        "failed_at": stamp(order.failed_at),
        "replaced_at": stamp(order.replaced_at),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": order.asset_id,
        "symbol": order.symbol,
        "asset_class": class_of(order.symbol),
        "notional": number(order.notional),
        "qty": number(order.qty),
        "filled_qty": plain(order.filled_qty),
        "filled_avg_price": rounded(average, POSITION_PLACES) if average is not None else None,
        "order_class": order.order_class,
        "order_type": order.type,
        "type": order.type,
        "side": order.side,
        "position_intent": order.position_intent,
        "ratio_qty": plain(order.ratio) if order.parent_id is not None else None,
        "time_in_force": order.time_in_force,
        "limit_price": number(order.limit_price),
        "stop_price": number(order.stop_price),
        "status": order.status,
        "extended_hours": order.extended_hours,
        "legs": [order_view(leg) for leg in legs] or None,
        "trail_percent": number(order.trail_percent),
        "trail_price": number(order.trail_price),
        "hwm": number(order.high_water_mark),
        "subtag": None,
        "source": None,
        "expires_at": stamp(order.expires_at),
    }


def account_view(state: State, now: Figures, account_id: str, number: str, created: str) -> Json:
    def money(value: Decimal) -> str:
        return rounded(value, MONEY_PLACES)

    return {
        "id": account_id,
        "account_number": number,
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "cash": money(now.cash),
        "equity": money(now.equity),
        "portfolio_value": money(now.equity),
        "last_equity": money(now.last_equity),
        "balance_asof": balance_date(state).isoformat(),
        "long_market_value": money(now.long_market_value),
        "short_market_value": money(now.short_market_value),
        "position_market_value": money(now.position_market_value),
        "buying_power": money(now.buying_power),
        "effective_buying_power": money(now.buying_power),
        "regt_buying_power": money(now.regt_buying_power),
        "non_marginable_buying_power": money(now.non_marginable_buying_power),
        "options_buying_power": money(now.non_marginable_buying_power),
        "multiplier": plain(now.multiplier),
        "initial_margin": money(now.initial_margin),
        "maintenance_margin": money(now.maintenance_margin),
        "last_maintenance_margin": money(now.maintenance_margin),
        "sma": money(now.equity),
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "created_at": created,
        "trading_blocked": state.account_flags.trading_blocked,
        "transfers_blocked": False,
        "account_blocked": state.account_flags.account_blocked,
        "trade_suspended_by_user": state.configuration.suspend_trade,
        "shorting_enabled": not state.configuration.no_shorting and now.multiplier > 1,
        "options_approved_level": 3,
        "options_trading_level": 3,
        "crypto_tier": 0,
        "admin_configurations": {},
        "user_configurations": None,
    }


def configuration_view(configuration: Configuration) -> Json:
    return {
        "fractional_trading": configuration.fractional_trading,
        "max_margin_multiplier": configuration.max_margin_multiplier,
        "max_options_trading_level": None,
        "no_shorting": configuration.no_shorting,
        "ptp_no_exception_entry": configuration.ptp_no_exception_entry,
        "suspend_trade": configuration.suspend_trade,
        "trade_confirm_email": configuration.trade_confirm_email,
    }


def asset_view(symbol: str, flags: AssetFlags) -> Json:
    return {
        "id": asset_id(symbol),
        "class": ASSET_CLASS,
        "exchange": EXCHANGE,
        "symbol": symbol,
        "name": symbol,
        "status": "active" if flags.active else "inactive",
        "tradable": flags.tradable,
        "marginable": True,
        "shortable": flags.shortable,
        "easy_to_borrow": flags.shortable,
        "borrow_status": "easy_to_borrow" if flags.shortable else "not_shortable",
        "fractionable": flags.fractionable,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "margin_requirement_short": "100",
        "attributes": ["fractional_eh_enabled"] if flags.fractionable else [],
    }


def position_view(position: Position, state: State, market: Market) -> Json:
    """A position at the last trade; intraday figures are since the previous session's close."""
    price = market_price(market, position, state.now)
    last = market.close_before(position.symbol, state.now) or price
    value = position.units * price
    cost = position.cost_basis
    gain = value - cost
    size = multiplier(position.symbol)
    intraday_cost = (position.qty - position.overnight_qty) * position.average_price
    intraday_base = (position.overnight_qty * last + intraday_cost) * size
    intraday_gain = value - intraday_base
    held = held_for_orders(state, position.symbol) + shares_behind_calls(state, position.symbol)
    free = max(ZERO, abs(position.qty) - held)

    def dollars(amount: Decimal) -> str:
        return rounded(amount, POSITION_PLACES)

    def ratio(part: Decimal, base: Decimal) -> str:
        return rounded(part / abs(base), RATIO_PLACES) if base else "0"

    return {
        "asset_id": asset_id(position.symbol),
        "symbol": position.symbol,
        "exchange": "" if is_option(position.symbol) else EXCHANGE,
        "asset_class": class_of(position.symbol),
        "asset_marginable": not is_option(position.symbol),
        "qty": plain(position.qty),
        "qty_available": rounded(free if position.qty > 0 else -free, 9),
        "side": "long" if position.qty > 0 else "short",
        "avg_entry_price": dollars(position.average_price),
        "market_value": dollars(value),
        "cost_basis": dollars(cost),
        "unrealized_pl": dollars(gain),
        "unrealized_plpc": ratio(gain, cost),
        "unrealized_intraday_pl": dollars(intraday_gain),
        "unrealized_intraday_plpc": ratio(intraday_gain, intraday_base),
        "current_price": plain(price),
        "lastday_price": plain(last),
        "change_today": ratio(price - last, last),
    }


def activity_view(activity: Activity) -> Json:
    return {"id": activity.id, "activity_type": activity.type, **activity.details}


def clock_view(now: datetime) -> Json:
    return {
        "timestamp": new_york(now),
        "is_open": phase_at(now) is Phase.REGULAR,
        "next_open": new_york(next_open(now)),
        "next_close": new_york(next_close(now)),
    }


def calendar_view(session: date) -> Json:
    """A session's hours in New York, and when its trades settle: the next session."""
    today = hours(session)
    opens, closes = (m.astimezone(NEW_YORK) for m in (today.open, today.close))
    first, last = (m.astimezone(NEW_YORK) for m in (today.pre_market, today.post_market))
    return {
        "date": session.isoformat(),
        "open": f"{opens:%H:%M}",
        "close": f"{closes:%H:%M}",
        "session_open": f"{first:%H%M}",
        "session_close": f"{last:%H%M}",
        "settlement_date": next_session(session).isoformat(),
    }
