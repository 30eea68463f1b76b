"""Options: contracts under `/v2/options`, quotes and chains under `/v1beta1/options`."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alchemiser_dagster.embedded.answers import count, json_answer, number, text, words
from alchemiser_dagster.embedded.api_data import quote_view, trade_view
from alchemiser_dagster.embedded.bar_pages import DAILY
from alchemiser_dagster.embedded.bookkeeping import asset_id
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.clock import new_york_date
from alchemiser_dagster.embedded.money import plain
from alchemiser_dagster.embedded.option_bars import option_bars
from alchemiser_dagster.embedded.option_contracts import Contract, read_contract
from alchemiser_dagster.embedded.prices import Trade
from alchemiser_dagster.embedded.refusals import (
    RefusalError,
    bad_data_request,
    invalid,
    not_found,
)
from alchemiser_dagster.embedded.wire import read_date, read_moment

MOST_CONTRACTS, DEFAULT_CONTRACTS = 10_000, 100
MOST_SNAPSHOTS, DEFAULT_SNAPSHOTS = 1_000, 100
MOST_BARS = 10_000
SUNDAY = 6
DECIMALS = 6
EXCHANGE_CODES = {"A": "AMEX", "C": "CBOE", "N": "ARCA", "V": "Embedded"}

Json = dict[str, object]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ContractFilter:
    """Which contracts a listing asks for; bounds are included."""

    first: date
    last: date
    kind: str | None
    lowest: Decimal | None
    highest: Decimal | None

    def fits(self, contract: Contract) -> bool:
        return (
            self.first <= contract.expiration <= self.last
            and self.kind in (None, "call" if contract.is_call else "put")
            and (self.lowest is None or contract.strike >= self.lowest)
            and (self.highest is None or contract.strike <= self.highest)
        )


class OptionsApi:
    """The routes about options."""

    def __init__(self, broker: Brokerage) -> None:
        self._broker = broker

    def routes(self) -> list[Route]:
        table = [
            ("/v2/options/contracts", self.contracts),
            ("/v2/options/contracts/{symbol}", self.contract),
            ("/v1beta1/options/bars", self.bars),
            ("/v1beta1/options/quotes/latest", self.latest_quotes),
            ("/v1beta1/options/trades/latest", self.latest_trades),
            ("/v1beta1/options/snapshots", self.snapshots),
            ("/v1beta1/options/snapshots/{underlying}", self.chain),
            ("/v1beta1/options/meta/exchanges", self.exchanges),
        ]
        return [Route(path, handler, methods=["GET"]) for path, handler in table]

    async def contracts(self, request: Request) -> Response:
        status = text(request, "status") or "active"
        if status not in ("active", "inactive"):
            raise invalid(f'invalid status "{status}"')
        wanted = self._filter(request, until=self._next_weekend())
        names = words(request, "underlying_symbols")
        if not names:
            raise invalid("underlying_symbols is required")
        found = [] if status == "inactive" else self._listed(names, wanted)
        root = text(request, "root_symbol")
        style = text(request, "style") or "american"
        found = [c for c in found if root in (None, c.root) and style == "american"]
        limit = count(request, "limit", DEFAULT_CONTRACTS, MOST_CONTRACTS)
        page, token = _page(found, limit, text(request, "page_token"))
        views = [self._contract_view(contract) for contract in page]
        return json_answer({"option_contracts": views, "next_page_token": token})

    async def contract(self, request: Request) -> Response:
        symbol = request.path_params["symbol"]
        contract = read_contract(symbol)
        now = self._broker.state.now
        if contract is None or not self._broker.market.options.listed(contract, now):
            raise not_found(f"contract {symbol} not found")
        return json_answer(self._contract_view(contract))

    async def bars(self, request: Request) -> Response:
        try:
            start, end = text(request, "start"), text(request, "end")
            first = read_moment(start, "start") if start else None
            last = read_moment(end, "end", end_of_day=True) if end else None
            limit = count(request, "limit", MOST_BARS, MOST_BARS)
            timeframe = text(request, "timeframe") or "1Day"
            if timeframe not in DAILY:
                raise invalid(f"invalid timeframe: expected 1Day, was {timeframe}")
            options, now = self._broker.market.options, self._broker.state.now
            rows = [
                (symbol, bar)
                for symbol in sorted(set(_symbols(request)))
                for bar in option_bars(options, symbol, now, first, last)
            ]
            page, token = _page(rows, limit, text(request, "page_token"))
        except RefusalError as refusal:
            raise bad_data_request(refusal.message) from refusal
        found: dict[str, list[Json]] = {}
        for symbol, bar in page:
            found.setdefault(symbol, []).append(bar)
        return json_answer({"bars": found, "next_page_token": token})

    async def latest_quotes(self, request: Request) -> Response:
        found: Json = {}
        for symbol in _symbols(request):
            state = self._broker.market.options.state(symbol, self._broker.state.now)
            if state is not None:
                found[symbol] = {**quote_view(state.quote), "c": "A"}
        return json_answer({"quotes": found})

    async def latest_trades(self, request: Request) -> Response:
        found: Json = {}
        for symbol in _symbols(request):
            state = self._broker.market.options.state(symbol, self._broker.state.now)
            if state is not None:
                found[symbol] = _trade_view(Trade(state.quote.at, state.mark))
        return json_answer({"trades": found})

    async def snapshots(self, request: Request) -> Response:
        symbols = sorted(set(_symbols(request)))
        return self._snapshots(request, [c for s in symbols if (c := read_contract(s))])

    async def chain(self, request: Request) -> Response:
        try:
            wanted = self._filter(request, until=date.max)
        except RefusalError as refusal:
            raise bad_data_request(refusal.message) from refusal
        return self._snapshots(request, self._listed([request.path_params["underlying"]], wanted))

    async def exchanges(self, request: Request) -> Response:
        return json_answer(EXCHANGE_CODES)

    def _snapshots(self, request: Request, contracts: list[Contract]) -> Response:
        try:
            limit = count(request, "limit", DEFAULT_SNAPSHOTS, MOST_SNAPSHOTS)
            page, token = _page(contracts, limit, text(request, "page_token"))
        except RefusalError as refusal:
            raise bad_data_request(refusal.message) from refusal
        found: Json = {}
        for contract in page:
            snapshot = self._snapshot(contract.symbol)
            if snapshot is not None:
                found[contract.symbol] = snapshot
        return json_answer({"snapshots": found, "next_page_token": token})

    def _snapshot(self, symbol: str) -> Json | None:
        state = self._broker.market.options.state(symbol, self._broker.state.now)
        if state is None:
            return None
        value = state.value
        return {
            "latestQuote": {**quote_view(state.quote), "c": "A"},
            "latestTrade": _trade_view(Trade(state.quote.at, state.mark)),
            "impliedVolatility": round(state.volatility, DECIMALS),
            "greeks": {
                name: round(getattr(value, name), DECIMALS)
                for name in ("delta", "gamma", "theta", "vega", "rho")
            },
        }

    def _listed(self, underlyings: Iterable[str], wanted: ContractFilter) -> list[Contract]:
        options, now = self._broker.market.options, self._broker.state.now
        return [
            contract
            for symbol in sorted(set(underlyings))
            if symbol in self._broker.market.bars
            for contract in options.chain(symbol, now)
            if wanted.fits(contract)
        ]

    def _filter(self, request: Request, until: date) -> ContractFilter:
        kind = text(request, "type")
        if kind not in (None, "call", "put"):
            raise invalid(f'invalid type "{kind}"')
        exact = text(request, "expiration_date")
        first, last = text(request, "expiration_date_gte"), text(request, "expiration_date_lte")
        earliest = read_date(first, "expiration_date_gte") if first else date.min
        latest = read_date(last, "expiration_date_lte") if last else until
        if exact:
            earliest = latest = read_date(exact, "expiration_date")
        return ContractFilter(
            first=earliest,
            last=latest,
            kind=kind,
            lowest=number(request, "strike_price_gte"),
            highest=number(request, "strike_price_lte"),
        )

    def _next_weekend(self) -> date:
        today = new_york_date(self._broker.state.now)
        return today + timedelta(days=SUNDAY - today.weekday())

    def _contract_view(self, contract: Contract) -> Json:
        market, now = self._broker.market, self._broker.state.now
        underlying = market.options.underlying(contract)
        assert underlying is not None
        expired = market.options.is_expired(contract, now)
        close = market.close_before(contract.symbol, now)
        kind = "call" if contract.is_call else "put"
        return {
            "id": asset_id(contract.symbol),
            "symbol": contract.symbol,
            "name": f"{underlying} {contract.expiration:%b %d %Y} {plain(contract.strike)} {kind}",
            "status": "inactive" if expired else "active",
            "tradable": not expired,
            "expiration_date": contract.expiration.isoformat(),
            "root_symbol": contract.root,
            "underlying_symbol": underlying,
            "underlying_asset_id": asset_id(underlying),
            "type": kind,
            "style": "american",
            "strike_price": plain(contract.strike),
            "multiplier": "100",
            "size": "100",
            "ppind": True,
            "open_interest": None,
            "open_interest_date": None,
            "close_price": plain(close) if close is not None else None,
            "close_price_date": None,
        }


def _trade_view(trade: Trade) -> Json:
    return {**trade_view(trade), "s": 1, "c": "a"}


def _symbols(request: Request) -> tuple[str, ...]:
    symbols = words(request, "symbols")
    if not symbols:
        raise bad_data_request("symbols is required")
    return symbols


def _page(things: list[T], limit: int, token: str | None) -> tuple[list[T], str | None]:
    """The things of one page, and the token of the next, None at the end."""
    start = 0
    if token is not None:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()))
        except ValueError:
            raise invalid("invalid page_token") from None
    following = start + limit
    more = following < len(things)
    next_token = base64.urlsafe_b64encode(str(following).encode()).decode() if more else None
    return things[start:following], next_token
