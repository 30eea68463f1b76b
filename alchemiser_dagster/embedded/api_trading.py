"""The trading API, `/v2`: assets, clock, calendar, positions and orders."""

from collections.abc import Awaitable, Callable
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alchemiser_dagster.embedded import views
from alchemiser_dagster.embedded.answers import (
    choice,
    count,
    flag,
    json_answer,
    json_body,
    no_content,
    number,
    text,
    words,
)
from alchemiser_dagster.embedded.bookkeeping import asset_id
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.order_fields import read_order, read_replacement
from alchemiser_dagster.embedded.orders import Order, OrderFilter
from alchemiser_dagster.embedded.refusals import RefusalError, invalid, not_found
from alchemiser_dagster.embedded.state import AssetFlags
from alchemiser_dagster.embedded.wire import read_date, read_moment
from alchemiser_dagster.market.sessions import SessionError, sessions_between

MOST_ORDERS = 500
FIRST_CALENDAR_DAY = date(1990, 1, 1)
CALENDAR_YEARS_AHEAD = 2

Handler = Callable[[Request], Awaitable[Response]]


class TradingApi:
    """The routes of the trading API for one account."""

    def __init__(self, broker: Brokerage) -> None:
        self._broker = broker
        self._symbol_of: dict[str, str] = {}

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/v2/clock", self.clock),
            ("GET", "/v2/calendar", self.calendar),
            ("GET", "/v2/assets", self.assets),
            ("GET", "/v2/assets/{symbol:path}", self.asset),
            ("POST", "/v2/orders", self.submit),
            ("GET", "/v2/orders", self.orders),
            ("DELETE", "/v2/orders", self.cancel_all),
            ("GET", "/v2/orders:by_client_order_id", self.order_by_client_id),
            ("GET", "/v2/orders/{order_id}", self.order),
            ("PATCH", "/v2/orders/{order_id}", self.replace),
            ("DELETE", "/v2/orders/{order_id}", self.cancel),
            ("GET", "/v2/positions", self.positions),
            ("DELETE", "/v2/positions", self.close_all),
            ("GET", "/v2/positions/{symbol:path}", self.position),
            ("DELETE", "/v2/positions/{symbol:path}", self.close_position),
            ("POST", "/v2/positions/{symbol}/exercise", self.exercise),
        ]
        return [Route(path, handler, methods=[method]) for method, path, handler in table]

    async def clock(self, request: Request) -> Response:
        return json_answer(views.clock_view(self._broker.state.now))

    async def calendar(self, request: Request) -> Response:
        last_day = date(self._broker.state.now.year + CALENDAR_YEARS_AHEAD, 12, 31)
        first, last = text(request, "start"), text(request, "end")
        start = max(FIRST_CALENDAR_DAY, read_date(first, "start") if first else FIRST_CALENDAR_DAY)
        end = min(last_day, read_date(last, "end") if last else last_day)
        if start > end:
            return json_answer([])
        try:
            sessions = sessions_between(start, end)
        except SessionError as error:
            raise invalid(str(error)) from error
        return json_answer([views.calendar_view(session) for session in sessions])

    async def assets(self, request: Request) -> Response:
        status = text(request, "status")
        kind = text(request, "asset_class")
        state = self._broker.state
        found = [
            views.asset_view(symbol, state.asset_flags.get(symbol, AssetFlags()))
            for symbol in self._broker.market.listed_symbols(state.now)
        ]
        exchange = text(request, "exchange")
        attributes = set(words(request, "attributes"))
        return json_answer(
            [
                asset
                for asset in found
                if (status is None or asset["status"] == status)
                and (kind is None or asset["class"] == kind)
                and (exchange is None or asset["exchange"] == exchange)
                and (not attributes or attributes & set(_strings(asset["attributes"])))
            ]
        )

    async def asset(self, request: Request) -> Response:
        named = request.path_params["symbol"]
        symbol = self._symbol(named)
        state = self._broker.state
        if not self._broker.market.listed(symbol, state.now):
            raise not_found(f"asset not found for {named}")
        flags = state.asset_flags.get(symbol, AssetFlags())
        return json_answer(views.asset_view(symbol, flags))

    async def submit(self, request: Request) -> Response:
        wanted = read_order(await json_body(request))
        with self._broker.unit():
            order = self._broker.desk.submit(wanted)
        return json_answer(self._order_view(order))

    async def orders(self, request: Request) -> Response:
        after, until = text(request, "after"), text(request, "until")
        side = text(request, "side")
        if side not in (None, "buy", "sell"):
            raise invalid(f'invalid side "{side}"')
        status = choice(request, "status", ("open", "closed", "all"), "open")
        wanted = OrderFilter(
            status="open" if status == "open" else "closed" if status == "closed" else "all",
            limit=count(request, "limit", 50, MOST_ORDERS),
            after=read_moment(after, "after") if after else None,
            until=read_moment(until, "until") if until else None,
            descending=choice(request, "direction", ("asc", "desc"), "desc") == "desc",
            side=side,
            symbols=words(request, "symbols"),
            before_sequence=self._sequence(text(request, "before_order_id")),
            after_sequence=self._sequence(text(request, "after_order_id")),
            nested=flag(request, "nested"),
        )
        found = self._broker.store.orders(wanted)
        if wanted.nested:
            return json_answer([self._order_view(order) for order in found])
        return json_answer([views.order_view(order) for order in found])

    async def order(self, request: Request) -> Response:
        return json_answer(
            self._order_view(self._broker.desk.order(request.path_params["order_id"]))
        )

    async def order_by_client_id(self, request: Request) -> Response:
        client_order_id = request.query_params.get("client_order_id", "")
        order = self._broker.order_by_client_id(client_order_id)
        if order is None:
            raise not_found(f"order not found for {client_order_id}")
        return json_answer(self._order_view(order))

    async def replace(self, request: Request) -> Response:
        body = await json_body(request) if await request.body() else {}
        change = read_replacement(body)
        with self._broker.unit():
            order = self._broker.desk.replace(request.path_params["order_id"], change)
        return json_answer(views.order_view(order))

    async def cancel(self, request: Request) -> Response:
        with self._broker.unit():
            self._broker.desk.cancel(request.path_params["order_id"])
        return no_content()

    async def cancel_all(self, request: Request) -> Response:
        with self._broker.unit():
            canceled = self._broker.desk.cancel_all()
        return json_answer([{"id": order_id, "status": 200} for order_id in canceled], 207)

    async def positions(self, request: Request) -> Response:
        state, market = self._broker.state, self._broker.market
        return json_answer(
            [
                views.position_view(state.positions[symbol], state, market)
                for symbol in sorted(state.positions)
            ]
        )

    async def position(self, request: Request) -> Response:
        state = self._broker.state
        position = state.positions.get(self._symbol(request.path_params["symbol"]))
        if position is None:
            raise not_found("position does not exist")
        return json_answer(views.position_view(position, state, self._broker.market))

    async def close_position(self, request: Request) -> Response:
        symbol = self._symbol(request.path_params["symbol"])
        qty, percentage = number(request, "qty"), number(request, "percentage")
        with self._broker.unit():
            order = self._broker.desk.close_position(symbol, qty, percentage)
        return json_answer(views.order_view(order))

    async def close_all(self, request: Request) -> Response:
        with self._broker.unit():
            outcomes = self._broker.desk.close_all(flag(request, "cancel_orders"))
        return json_answer([_closing_row(symbol, outcome) for symbol, outcome in outcomes], 207)

    async def exercise(self, request: Request) -> Response:
        symbol = self._symbol(request.path_params["symbol"])
        with self._broker.unit():
            self._broker.options.exercise(symbol)
        return Response(b"")

    def _order_view(self, order: Order) -> views.Json:
        return views.order_view(order, self._broker.desk.nested(order))

    def _sequence(self, order_id: str | None) -> int | None:
        return self._broker.desk.order(order_id).sequence if order_id else None

    def _symbol(self, named: str) -> str:
        """The symbol of an asset given by symbol or by id."""
        if len(named) == 36:
            if not self._symbol_of:
                self._symbol_of = {asset_id(s): s for s in self._broker.market.bars.symbols}
            return self._symbol_of.get(named.lower(), named)
        return named


def _closing_row(symbol: str, outcome: Order | RefusalError) -> views.Json:
    if isinstance(outcome, RefusalError):
        return {"symbol": symbol, "status": outcome.status, "body": outcome.body()}
    return {"symbol": symbol, "status": 200, "body": views.order_view(outcome)}


def _strings(value: object) -> list[str]:
    assert isinstance(value, list)
    return value
