"""A client of the control API, for code that drives the simulated clock."""

from datetime import datetime
from typing import Any

import requests
from requests.adapters import BaseAdapter

TIMEOUT_SECONDS = (2, 60)


class ControlError(RuntimeError):
    """The control API refused: the status and its message."""


class ControlClient:
    """Moves the clock of the embedded broker at `url`, with its control `token`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    def mount(self, adapter: BaseAdapter) -> None:
        """Send with `adapter` instead of over the network (see `in_process`)."""
        self._session.mount(self._url, adapter)

    def now(self) -> datetime:
        """The simulated time, UTC."""
        return datetime.fromisoformat(self._call("GET", "/_sim/clock")["now"])

    def advance(self, seconds: float) -> datetime:
        """Move the clock by `seconds`, playing what happens meanwhile; the new time."""
        return self._moved({"advance_seconds": seconds})

    def advance_to(self, moment: datetime | str) -> datetime:
        """Move the clock to an aware datetime, "next_open" or "next_close"; the new time."""
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise ValueError(f"expected a datetime with a time zone, was {moment}")
            moment = moment.isoformat()
        return self._moved({"advance_to": moment})

    def state(self) -> dict[str, Any]:
        """What the simulator says of itself: version, time, counts of requests and errors."""
        return self._call("GET", "/_sim/state")

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the trading and data APIs."""
        return self._call("GET", "/_sim/openapi.json")

    def set_account(self, **flags: bool) -> None:
        """Set restrictions of the account: trading_blocked, account_blocked."""
        self._call("POST", "/_sim/account", flags)

    def move_cash(self, amount: float) -> None:
        """Deposit dollars in whole cents, or withdraw them when `amount` is below zero."""
        self._call("POST", "/_sim/cash", {"amount": amount})

    def set_asset(self, symbol: str, **flags: bool) -> None:
        """Set what a symbol allows: tradable, fractionable, shortable, active, halted."""
        self._call("POST", f"/_sim/assets/{symbol}", flags)

    def add_fault(self, **rule: object) -> int:
        """Put a fault rule in force (see `faults`); its id."""
        ids: list[int] = self._call("POST", "/_sim/faults", rule)["ids"]
        return ids[0]

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each was seen and fired."""
        found: list[dict[str, Any]] = self._answer("GET", "/_sim/faults", None)
        return found

    def clear_faults(self) -> None:
        self._call("DELETE", "/_sim/faults")

    def close(self) -> None:
        self._session.close()

    def _moved(self, body: dict[str, object]) -> datetime:
        return datetime.fromisoformat(self._call("POST", "/_sim/clock", body)["now"])

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        found: dict[str, Any] = self._answer(method, path, body)
        return found

    def _answer(self, method: str, path: str, body: object) -> Any:
        answer = self._session.request(
            method, self._url + path, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
        if answer.status_code != 200:
            raise ControlError(
                f"{method} {path}: expected 200, was {answer.status_code}: {answer.text}"
            )
        return answer.json()
