"""How values are written in items: as their readers have always found them.

Dollars, shares and fractions are text, exact and without zeros at the end; counts and expiry times
are numbers; times are ISO 8601 in UTC, so that their order is the order of their text. What is not
known is left out.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

Key = tuple[str, str]
"""Partition key and sort key."""
Item = dict[str, Any]
"""An item: values by attribute. Numbers are whole; everything else is text, or made of text."""

EXPIRES = "ExpiresAt"
"""The attribute by which DynamoDB deletes items, seconds since 1970; the only one of its kind."""


def key_of(item: Mapping[str, Any]) -> Key:
    """The key of an item."""
    return item["PK"], item["SK"]


def number_text(number: Decimal | float) -> str:
    """A number as text: "123.45", "0", "-0.0125"; a float by its shortest exact decimal."""
    text = f"{number if isinstance(number, Decimal) else Decimal(repr(number)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def time_text(at: datetime) -> str:
    """An aware time as text, in UTC."""
    return at.astimezone(UTC).isoformat()


def value_of(value: Any) -> Any:
    """A cell of a table as the value of an attribute: text, or a whole number."""
    match value:
        case Decimal() | float():
            return number_text(value)
        case datetime():
            return time_text(value)
        case date():
            return value.isoformat()
        case _:
            return value


def expiry(at: datetime, days: int) -> int:
    """`days` after `at`, in seconds since 1970. From the item's own time: the same every time."""
    return int((at + timedelta(days=days)).timestamp())


def has_expired(item: Mapping[str, Any], now: datetime) -> bool:
    """Whether DynamoDB may have deleted an item by now."""
    return EXPIRES in item and item[EXPIRES] <= now.timestamp()
