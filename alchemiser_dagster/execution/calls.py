"""Reading from the broker: calls without effects are made again when they fail.

Timeouts and the allowance of calls are `api_calls`'.
"""

from collections.abc import Callable
from typing import TypeVar

import requests
from alpaca.common.exceptions import APIError

from alchemiser_dagster.execution.errors import BrokerError, BrokerRefusesKeys, read

READ_TRIES = 3
FIRST_RETRY_SECONDS = 1.0

T = TypeVar("T")


def read_again(what: str, call: Callable[[], T], wait: Callable[[float], object]) -> T:
    """Make a call without effects, up to three times. Raises BrokerError, `what` in its text."""
    for attempt in range(READ_TRIES):
        try:
            return call()
        except (APIError, requests.RequestException, TypeError, ValueError, KeyError) as error:
            if isinstance(error, APIError) and error.status_code == requests.codes.unauthorized:
                raise BrokerRefusesKeys(f"reading {what}: {_brief(error)}") from error
            verdict = isinstance(error, APIError) and _is_final(error)
            if verdict or attempt + 1 == READ_TRIES:
                raise BrokerError(f"reading {what}: {_brief(error)}") from error
            wait(FIRST_RETRY_SECONDS * 2**attempt)
    raise AssertionError("unreachable")


def _is_final(error: APIError) -> bool:
    status = error.status_code or requests.codes.server_error
    return bool(
        requests.codes.bad_request <= status < requests.codes.server_error
        and status != requests.codes.too_many_requests
    )


def _brief(error: Exception) -> str:
    if isinstance(error, APIError):
        status, code, message = read(error)
        return f"HTTP {status}, code {code}: {message or 'no readable body'}"
    return type(error).__name__
