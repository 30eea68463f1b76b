"""Reading requests and writing answers: JSON both ways, Decimals as sent."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from starlette.requests import Request
from starlette.responses import Response

from alchemiser_dagster.embedded.refusals import invalid, malformed


def json_answer(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json")


def no_content() -> Response:
    return Response(status_code=204)


async def json_body(request: Request) -> dict[str, object]:
    """The JSON object in the body, its numbers as Decimals; raises RefusalError (400)."""
    try:
        body = json.loads(await request.body(), parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        raise malformed("request body format is invalid") from None
    if not isinstance(body, dict):
        raise malformed("request body format is invalid")
    return body


def text(request: Request, name: str) -> str | None:
    """A query parameter, or None when it is absent or empty."""
    return request.query_params.get(name) or None


def flag(request: Request, name: str) -> bool:
    return (text(request, name) or "").lower() == "true"


def words(request: Request, name: str) -> tuple[str, ...]:
    """A comma-separated query parameter."""
    return tuple(word.strip() for word in (text(request, name) or "").split(",") if word.strip())


def choice(request: Request, name: str, choices: tuple[str, ...], default: str) -> str:
    value = (text(request, name) or default).lower()
    if value not in choices:
        raise invalid(f'invalid {name} "{value}": expected one of {", ".join(choices)}')
    return value


def count(request: Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`."""
    value = text(request, name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise invalid(f"invalid {name}: expected 1 to {most}, was {value}")
    return int(value)


def number(request: Request, name: str) -> Decimal | None:
    value = text(request, name)
    if value is None:
        return None
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise invalid(f"invalid {name}: expected a number, was {value}") from None
    if not parsed.is_finite() or abs(parsed.adjusted()) > 15:
        raise invalid(f"invalid {name}: expected a number in range, was {value}")
    return parsed
