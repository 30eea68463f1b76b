"""What can go wrong between us and the broker, by what to do about it."""

import json

import requests
from alpaca.common.exceptions import APIError

LOWEST_SERVER_ERROR = 500


class BrokerError(Exception):
    """The broker could not be asked, or its answer not understood."""


class OutcomeUnknown(BrokerError):
    """An order was sent and nobody can say whether it arrived: look it up, never send a new one."""


class AlreadyAccepted(BrokerError):
    """The broker has an order of this client id: look it up and adopt it."""


class OrderRefused(BrokerError):
    """The broker's clear refusal: the order does not exist. `message` is the broker's reason."""

    def __init__(self, status: int, code: int | None, message: str) -> None:
        super().__init__(f"{message} (HTTP {status}, code {code})")
        self.status = status
        self.code = code
        self.message = message


def after_submit(error: Exception) -> BrokerError:
    """Classify what came out of sending an order: on HTTP status, code and message together.

    Only a 4xx answer with a readable verdict says that there is no order. Everything else (timeout,
    reset, 5xx, an unreadable body) leaves it unknown.
    """
    if not isinstance(error, APIError):
        return OutcomeUnknown(f"{type(error).__name__}: {error}")
    status, code, message = read(error)
    if message is None or status is None or status >= LOWEST_SERVER_ERROR:
        return OutcomeUnknown(f"HTTP {status}: {str(error)[:200]}")
    if "client_order_id must be unique" in message:
        return AlreadyAccepted(message)
    if status == requests.codes.too_many_requests:
        return OutcomeUnknown(f"HTTP {status}: {message}")
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
