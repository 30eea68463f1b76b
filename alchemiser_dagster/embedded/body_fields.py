"""Reading single fields of a JSON body; each raises RefusalError for a value of the wrong kind."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from alchemiser_dagster.embedded.money import ZERO
from alchemiser_dagster.embedded.refusals import invalid, malformed

Body = Mapping[str, object]


def text_in(body: Body, name: str) -> str | None:
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise malformed(f"{name} must be a string")


def flag_in(body: Body, name: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    raise malformed(f"{name} must be a boolean")


def choice_in(body: Body, name: str, choices: frozenset[str] | tuple[str, ...]) -> str:
    value = optional_choice_in(body, name, choices)
    if value is None:
        raise invalid(f"{name} is required")
    return value


def optional_choice_in(
    body: Body, name: str, choices: frozenset[str] | tuple[str, ...]
) -> str | None:
    value = text_in(body, name)
    if not value:
        return None
    if value not in choices:
        raise invalid(f'invalid {name} "{value}"')
    return value


def number_in(body: Body, name: str) -> Decimal | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise malformed(f"{name} must be a number") from None
    else:
        raise malformed(f"{name} must be a number")
    if not number.is_finite() or number.adjusted() > 15 or number.adjusted() < -15:
        raise malformed(f"{name} is out of range")
    return number if number != 0 else ZERO


def part_of(body: Body, name: str) -> Body:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise malformed(f"{name} must be an object")
    return value
