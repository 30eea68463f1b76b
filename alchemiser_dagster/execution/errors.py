"""What can go wrong between us and the broker, by what to do about it.

An answer to an order is classified on HTTP status, code and message together, never by the code
alone: the broker uses 40310000 for at least six causes.

    timeout, reset, 5xx, no readable verdict    outcome unknown: look the order up by its id
    client_order_id must be unique              accepted before: look it up
    429                                         outcome unknown, and worth more than one try
    anything else with a readable verdict       refused: there is no such order (see `Refusal`)
"""

import json
from enum import StrEnum

import requests
from alpaca.common.exceptions import APIError

LOWEST_SERVER_ERROR = 500
PROTECTION_CODE = 40310100


class BrokerError(Exception):
    """The broker could not be asked, or its answer not understood."""


class BrokerRefusesKeys(BrokerError):
    """The broker does not accept the keys: nothing can be asked or sent."""


class OutcomeUnknown(BrokerError):
    """An order was sent and nobody can say whether it arrived: look it up, never send a new one."""


class Throttled(OutcomeUnknown):
    """Too many calls: the order most likely did not arrive, but only a look-up can tell."""


class AlreadyAccepted(BrokerError):
    """The broker has an order of this client id: look it up and adopt it."""


class Refusal(StrEnum):
    """Why the broker refused an order, by what follows from it."""

    BUYING_POWER = "buying power"
    """Once more, for what the buying power allows."""
    QUANTITY_HELD = "quantity not available"
    """Once more, for what is available."""
    WASH_TRADE = "wash trade"
    """Once more, a little later: an opposite order stood in the way."""
    TOO_SMALL = "below the smallest order"
    FRACTION = "not in fractions"
    """Once more, for whole shares."""
    PROTECTION = "broker protection"
    NOT_TRADABLE = "not tradable"
    ACCOUNT = "account restricted"
    """Everything stops."""
    OTHER = "refused"


class OrderRefused(BrokerError):
    """The broker's clear refusal: the order does not exist. `message` is the broker's reason."""

    def __init__(self, status: int, code: int | None, message: str) -> None:
        super().__init__(f"{message} (HTTP {status}, code {code})")
        self.status = status
        self.code = code
        self.message = message
        self.refusal = _refusal(status, code, message.lower())


def _refusal(status: int, code: int | None, message: str) -> Refusal:
    phrases = {
        "insufficient buying power": Refusal.BUYING_POWER,
        "insufficient qty": Refusal.QUANTITY_HELD,
        "wash trade": Refusal.WASH_TRADE,
        "opposite side": Refusal.WASH_TRADE,
        "cost basis must be": Refusal.TOO_SMALL,
        "minimal amount": Refusal.TOO_SMALL,
        "notional": Refusal.TOO_SMALL,
        "fraction": Refusal.FRACTION,
        "is not active": Refusal.NOT_TRADABLE,
        "not tradable": Refusal.NOT_TRADABLE,
        "not found": Refusal.NOT_TRADABLE,
        "restricted": Refusal.ACCOUNT,
        "account is": Refusal.ACCOUNT,
    }
    if status == requests.codes.unauthorized:
        return Refusal.ACCOUNT
    if code == PROTECTION_CODE:
        return Refusal.PROTECTION
    return next((kind for phrase, kind in phrases.items() if phrase in message), Refusal.OTHER)


def after_submit(error: Exception) -> BrokerError:
    """Classify what came out of sending an order."""
    if not isinstance(error, APIError):
        return OutcomeUnknown(f"{type(error).__name__}: {error}")
    status, code, message = read(error)
    if message is None or status is None or status >= LOWEST_SERVER_ERROR:
        return OutcomeUnknown(f"HTTP {status}: {str(error)[:200]}")
    if "client_order_id must be unique" in message:
        return AlreadyAccepted(message)
    if status == requests.codes.too_many_requests:
        return Throttled(f"HTTP {status}: {message}")
    return OrderRefused(status, code, message)


def read(error: APIError) -> tuple[int | None, int | None, str | None]:
    """(HTTP status, code, message) of an APIError; message None when the body is not JSON."""
    status = error.status_code
    try:
        body = json.loads(str(error))
    except json.JSONDecodeError:
        return status, None, None
    if not isinstance(body, dict):
        return status, None, None
    code = body.get("code")
    message = body.get("message")
    return status, code if isinstance(code, int) else None, str(message) if message else None
