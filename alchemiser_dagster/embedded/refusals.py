"""Refusals: what the broker answers when it will not do as asked.

Status and numeric code are Alpaca's; one code covers many causes, so the message tells them
apart. Extra keys travel beside `code` and `message` in the body.
"""

from collections.abc import Mapping

FORBIDDEN = 40310000
NOT_FOUND = 40410000
INVALID_VALUE = 40010001
MALFORMED = 40010000
UNPROCESSABLE = 42210000
TOO_MANY_REQUESTS = 42910000


class RefusalError(Exception):
    """An HTTP error answer: status, Alpaca's numeric code, message and extra keys."""

    def __init__(
        self, status: int, code: int | None, message: str, extras: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extras = dict(extras or {})

    def body(self) -> dict[str, object]:
        body: dict[str, object] = {"message": self.message, **self.extras}
        if self.code is not None:
            body["code"] = self.code
        return body


def forbidden(message: str, **extras: str) -> RefusalError:
    """403: well formed, but the account may not."""
    return RefusalError(403, FORBIDDEN, message, extras)


def not_found(message: str) -> RefusalError:
    return RefusalError(404, NOT_FOUND, message)


def invalid(message: str) -> RefusalError:
    """422: a field is missing or out of range."""
    return RefusalError(422, INVALID_VALUE, message)


def unprocessable(message: str, **extras: str) -> RefusalError:
    """422: fields are well formed but break a market rule or the order's state."""
    return RefusalError(422, UNPROCESSABLE, message, extras)


def malformed(message: str) -> RefusalError:
    return RefusalError(400, MALFORMED, message)


def bad_data_request(message: str) -> RefusalError:
    """400 from the market-data API, whose errors carry no code."""
    return RefusalError(400, None, message)
