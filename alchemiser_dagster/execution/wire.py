"""The broker's JSON in the account's types, and the account's numbers as alpaca-py takes them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from alchemiser_dagster.execution.broker import (
    ENDS,
    Activity,
    BrokerOrder,
    EquityAtClose,
    OrderState,
)
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.market.sessions import NEW_YORK, is_session


def order_of(raw: Any) -> BrokerOrder:
    """An order; a status that is not known to end one leaves it working."""
    return BrokerOrder(
        order_id=raw["id"],
        client_order_id=raw["client_order_id"],
        state=ENDS.get(raw["status"], OrderState.WORKING),
        filled_quantity=Decimal(raw["filled_qty"] or "0"),
        submitted_at=moment_of(raw["submitted_at"]) if raw.get("submitted_at") else None,
    )


def activity_of(raw: Any) -> Activity:
    """A line of the account's activities; fields differ by kind, so most may be absent."""
    at = moment_of(raw["transaction_time"]) if raw.get("transaction_time") else None
    dated = at.astimezone(NEW_YORK).date() if at else date.fromisoformat(raw["date"][:10])
    filled = raw["activity_type"] == "FILL"
    return Activity(
        activity_id=raw["id"],
        kind=raw["activity_type"],
        dated=dated,
        symbol=raw.get("symbol"),
        quantity=_optional(raw.get("qty")),
        price=_optional(raw.get("price") or raw.get("per_share_amount")),
        amount=None if filled else _optional(raw.get("net_amount")),
        description=str(raw.get("description") or raw.get("side") or ""),
        order_id=raw.get("order_id"),
        previous_id=raw.get("previous_id"),
        at=at,
    )


def equity_history_of(raw: Any) -> list[EquityAtClose]:
    """The account's equity at each close, oldest first; of a session told twice, the later.

    Days on which the account was worth nothing are left out: the broker has them from before it
    was opened. Raises BrokerError for columns of different lengths,
    and for a day that is no session.
    """
    moments, equities = raw["timestamp"], raw["equity"]
    if len(moments) != len(equities):
        raise BrokerError(f"expected an equity for each of its times, was {raw}")
    points = {}
    for seconds, equity in zip(moments, equities, strict=True):
        if equity:
            at = datetime.fromtimestamp(seconds, NEW_YORK)
            points[at.date()] = EquityAtClose(_session_of(at), decimal_of(equity), at)
    return [points[session] for session in sorted(points)]


def _session_of(at: datetime) -> date:
    """The session that a point of the history stands for: Alpaca's are at 20:00 in New York.

    That is midnight in UTC in summer and 01:00 in winter, so the day in UTC is another one.
    """
    if not is_session(at.date()):
        raise BrokerError(f"expected the equity at closes of sessions, was one of {at}")
    return at.date()


def _optional(number: Any) -> Decimal | None:
    return None if number in (None, "") else Decimal(str(number))


def sendable(number: Decimal) -> float:
    """alpaca-py takes floats; only a decimal that survives the trip may be sent."""
    sent = float(number)
    if Decimal(repr(sent)) != number:
        raise BrokerError(f"expected a number that a float can carry exactly, was {number}")
    return sent


def decimal_of(number: Any) -> Decimal:
    """A JSON number, as its shortest text says."""
    return Decimal(str(number))


def moment_of(text: str) -> datetime:
    """A time with its zone; raises ValueError for one without."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"expected a time with its zone, was {text!r}")
    return found


def new_york(day: str, time_of_day: str) -> datetime:
    """The calendar's bare date and time, in the exchange's zone."""
    return datetime.fromisoformat(f"{day}T{time_of_day}").replace(tzinfo=NEW_YORK)
