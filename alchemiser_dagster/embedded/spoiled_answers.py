"""Spoiling an answer that is otherwise right: wrong values, missing rows, old quotes.

Each function takes the decoded JSON body and the rule's settings, and gives back the body to send.
Those about quotes and bars look for them by symbol, `symbol` in the settings or all there are.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

Settings = Mapping[str, Any]
Body = Any
Spoiler = Callable[[Body, Settings], Body]


def set_field(body: Body, settings: Settings) -> Body:
    """`field` (with dots for depth; in every row of a list) becomes `value`."""
    rows = body if isinstance(body, list) else [body]
    *path, name = str(settings["field"]).split(".")
    for row in rows:
        place = row
        for step in path:
            place = place[step]
        place[name] = settings.get("value")
    return body


def unknown_enum(body: Body, settings: Settings) -> Body:
    field = settings.get("field", "status")
    return set_field(body, {"field": field, "value": "never_heard_of"})


def null_field(body: Body, settings: Settings) -> Body:
    return set_field(body, {"field": settings["field"], "value": None})


def drop_item(body: Body, settings: Settings) -> Body:
    """Leave out the rows whose `field` is `value`."""
    return [row for row in body if row.get(settings["field"]) != settings["value"]]


def duplicate_items(body: Body, settings: Settings) -> Body:
    return [row for row in body for _ in range(2)]


def reverse_items(body: Body, settings: Settings) -> Body:
    """The rows come in the opposite order."""
    return body[::-1]


def missing_symbol(body: Body, settings: Settings) -> Body:
    for holder in (body, *(value for value in body.values() if isinstance(value, dict))):
        holder.pop(settings["symbol"], None)
    return body


def missing_bar(body: Body, settings: Settings) -> Body:
    """Leave out the bar of the day `date` (2024-01-02)."""
    bars = body["bars"]
    for symbol in _symbols(bars, settings):
        bars[symbol] = [bar for bar in bars[symbol] if not bar["t"].startswith(settings["date"])]
    return body


def stale_quote(body: Body, settings: Settings) -> Body:
    """Quotes are `seconds` older than they should be."""
    for quote in _quotes(body, settings):
        quote["t"] = _shifted(quote["t"], -float(settings["seconds"]))
    return body


def zero_side(body: Body, settings: Settings) -> Body:
    """There is no `side` (bid or ask): price and size are 0."""
    price, size = ("ap", "as") if settings.get("side", "bid") == "ask" else ("bp", "bs")
    for quote in _quotes(body, settings):
        quote[price] = quote[size] = 0
    return body


def crossed(body: Body, settings: Settings) -> Body:
    for quote in _quotes(body, settings):
        quote["bp"], quote["ap"] = quote["ap"], quote["bp"]
    return body


def locked(body: Body, settings: Settings) -> Body:
    for quote in _quotes(body, settings):
        quote["bp"] = quote["ap"]
    return body


def clock_skew(body: Body, settings: Settings) -> Body:
    """The broker's clock is `seconds` ahead."""
    body["timestamp"] = _shifted(body["timestamp"], float(settings["seconds"]))
    return body


SPOILERS: Mapping[str, Spoiler] = {
    spoiler.__name__: spoiler
    for spoiler in (
        set_field,
        unknown_enum,
        null_field,
        drop_item,
        duplicate_items,
        reverse_items,
        missing_symbol,
        missing_bar,
        stale_quote,
        zero_side,
        crossed,
        locked,
        clock_skew,
    )
}


def _symbols(rows: Mapping[str, Any], settings: Settings) -> list[str]:
    wanted = settings.get("symbol")
    return [symbol for symbol in rows if wanted in (None, symbol)]


def _quotes(body: Body, settings: Settings) -> Iterator[dict[str, Any]]:
    """The quotes of an answer about latest quotes, or of one about snapshots."""
    if "quotes" in body:
        yield from (body["quotes"][symbol] for symbol in _symbols(body["quotes"], settings))
        return
    for symbol in _symbols(body, settings):
        if body[symbol].get("latestQuote"):
            yield body[symbol]["latestQuote"]


def _shifted(text: str, seconds: float) -> str:
    moment = datetime.fromisoformat(text) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="microseconds")
