"""The id that ties together what belongs to one session of an account."""

from datetime import date
from uuid import NAMESPACE_URL, uuid5


def correlation_id(account_number: str, session: date) -> str:
    """A UUID for everything that belongs to a session of an account, the same every time."""
    return str(uuid5(NAMESPACE_URL, f"alchemiser:{account_number}:{session}"))
