"""The control API, `/_sim`: what only a simulated broker has. Every route needs the control token.

GET  /_sim/state              what the simulator is and where it stands
GET  /_sim/clock              the clock, and the session's hours
POST /_sim/clock              {"advance_seconds": 60} or {"advance_to": "next_open"},
                              "next_close" or a time with zone
POST /_sim/account            {"trading_blocked": true}, "account_blocked"
POST /_sim/cash               {"amount": 500.00}: a deposit; less than zero: a withdrawal
POST /_sim/assets/{symbol}    {"fractionable": false}, "tradable", "shortable", "active",
                              "halted"
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alchemiser_dagster.embedded.answers import json_answer, json_body
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.clock import new_york_date, next_close, next_open, phase_at
from alchemiser_dagster.embedded.faults import FaultPlan, FaultRuleError
from alchemiser_dagster.embedded.money import cents
from alchemiser_dagster.embedded.openapi import document
from alchemiser_dagster.embedded.refusals import RefusalError, invalid, not_found
from alchemiser_dagster.embedded.state import AccountFlags, AssetFlags
from alchemiser_dagster.embedded.timeline import PastError
from alchemiser_dagster.embedded.traffic import Traffic

VERSION = version("alchemiser-dagster")
LONGEST_STEP = timedelta(days=3660)


class ControlApi:
    """The routes that move the simulation."""

    def __init__(self, broker: Brokerage, traffic: Traffic, faults: FaultPlan) -> None:
        self._broker = broker
        self._traffic = traffic
        self._faults = faults

    def routes(self) -> list[Route]:
        return [
            Route("/_sim/state", self.state, methods=["GET"]),
            Route("/_sim/openapi.json", self.openapi, methods=["GET"]),
            Route("/_sim/clock", self.clock, methods=["GET"]),
            Route("/_sim/clock", self.advance, methods=["POST"]),
            Route("/_sim/account", self.flag_account, methods=["POST"]),
            Route("/_sim/cash", self.move_cash, methods=["POST"]),
            Route("/_sim/faults", self.list_faults, methods=["GET"]),
            Route("/_sim/faults", self.add_faults, methods=["POST"]),
            Route("/_sim/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_sim/assets/{symbol:path}", self.flag_asset, methods=["POST"]),
        ]

    async def state(self, request: Request) -> Response:
        broker = self._broker
        bars = broker.market.bars
        return json_answer(
            {
                "version": VERSION,
                "account_number": broker.account_number,
                "seed": broker.terms.seed,
                "profile": broker.terms.profile.name,
                "now": broker.state.now.isoformat(),
                "symbols": len(bars.symbols),
                "open_orders": len(broker.state.orders),
                "positions": len(broker.state.positions),
                "requests": self._traffic.requests,
                "unknown_paths": self._traffic.unknown_paths,
                "server_errors": self._traffic.server_errors,
            }
        )

    async def openapi(self, request: Request) -> Response:
        return json_answer(document(VERSION))

    async def clock(self, request: Request) -> Response:
        return json_answer(self._clock())

    async def advance(self, request: Request) -> Response:
        target = self._target(await json_body(request))
        try:
            with self._broker.unit():
                self._broker.timeline.advance_to(target)
        except PastError as error:
            raise invalid(str(error)) from error
        return json_answer(self._clock())

    async def flag_account(self, request: Request) -> Response:
        body = _flags(AccountFlags, await json_body(request))
        state = self._broker.state
        with self._broker.unit():
            state.account_flags = dataclasses.replace(state.account_flags, **body)
        return json_answer(dataclasses.asdict(state.account_flags))

    async def move_cash(self, request: Request) -> Response:
        """A deposit (activity CSD) or a withdrawal (CSW), there at once."""
        body = await json_body(request)
        amount = body.get("amount")
        if set(body) != {"amount"} or not isinstance(amount, Decimal) or amount != cents(amount):
            raise invalid('expected {"amount": dollars in whole cents}')
        if self._broker.state.cash + amount < 0:
            raise invalid(f"expected at most {self._broker.state.cash} to withdraw, was {-amount}")
        with self._broker.unit():
            self._broker.books.add_cash_activity("CSD" if amount > 0 else "CSW", amount, {})
        return json_answer({"cash": str(self._broker.state.cash)})

    async def flag_asset(self, request: Request) -> Response:
        symbol = request.path_params["symbol"]
        if symbol not in self._broker.market.bars:
            raise not_found(f"asset not found for {symbol}")
        body = _flags(AssetFlags, await json_body(request))
        state = self._broker.state
        with self._broker.unit():
            known = state.asset_flags.get(symbol, AssetFlags())
            state.asset_flags[symbol] = dataclasses.replace(known, **body)
            self._broker.books.changes.assets.add(symbol)
        return json_answer(dataclasses.asdict(state.asset_flags[symbol]))

    async def list_faults(self, request: Request) -> Response:
        return json_answer([rule.view() for rule in self._faults.rules])

    async def add_faults(self, request: Request) -> Response:
        body = await json_body(request)
        rules = body.get("rules", [body])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise invalid('expected a rule, or {"rules": [rule, ...]}')
        try:
            ids = self._faults.add(rules)
        except FaultRuleError as error:
            raise invalid(str(error)) from error
        return json_answer({"ids": ids})

    async def clear_faults(self, request: Request) -> Response:
        self._faults.clear()
        return json_answer({"ids": []})

    def _clock(self) -> dict[str, object]:
        now = self._broker.state.now
        return {
            "now": now.isoformat(),
            "date": new_york_date(now).isoformat(),
            "phase": phase_at(now).value,
            "next_open": next_open(now).isoformat(),
            "next_close": next_close(now).isoformat(),
        }

    def _target(self, body: Mapping[str, object]) -> datetime:
        """The moment to advance to; raises RefusalError if the body does not say one."""
        now = self._broker.state.now
        if set(body) == {"advance_seconds"} and isinstance(body["advance_seconds"], Decimal):
            seconds = body["advance_seconds"]
            if not 0 <= seconds <= int(LONGEST_STEP.total_seconds()):
                raise invalid(f"advance_seconds: expected 0 up to ten years, was {seconds}")
            return now + timedelta(microseconds=int(seconds * 1_000_000))
        if set(body) == {"advance_to"} and isinstance(body["advance_to"], str):
            return self._moment(body["advance_to"])
        raise invalid('expected {"advance_seconds": number} or {"advance_to": text}')

    def _moment(self, text: str) -> datetime:
        now = self._broker.state.now
        if text == "next_open":
            return next_open(now)
        if text == "next_close":
            return next_close(now)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _bad_target(text) from None
        if moment.tzinfo is None:
            raise _bad_target(text)
        if moment > now + LONGEST_STEP:
            raise invalid(f"advance_to: expected at most ten years ahead, was {text}")
        return moment.astimezone(UTC)


def _bad_target(text: str) -> RefusalError:
    return invalid(
        f'advance_to: expected "next_open", "next_close" or a time with its zone, was "{text}"'
    )


def _flags(
    kind: type[AccountFlags] | type[AssetFlags], body: Mapping[str, object]
) -> dict[str, bool]:
    names = {field.name for field in dataclasses.fields(kind)}
    flags: dict[str, bool] = {}
    for name, value in body.items():
        if name not in names or not isinstance(value, bool):
            raise invalid(f"expected true or false for one of {sorted(names)}, was {name}")
        flags[name] = value
    return flags
