"""The broker's JSON in the account's types, and the account's numbers as alpaca-py takes them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from alchemiser_dagster.execution.broker import ENDS, BrokerOrder, OrderState
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.market.sessions import NEW_YORK


def order_of(raw: Any) -> BrokerOrder:
    """An order; a status that is not known to end one leaves it working."""
    return BrokerOrder(
        order_id=raw["id"],
        client_order_id=raw["client_order_id"],
        state=ENDS.get(raw["status"], OrderState.WORKING),
        filled_quantity=Decimal(raw["filled_qty"] or "0"),
    )


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
