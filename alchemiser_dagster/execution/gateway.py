"""The gateway: every word between us and the broker, through alpaca-py.

alpaca-py is used in raw mode: a parsed answer can raise after an order was accepted, a raw one
cannot. Its own retries are switched off, because they would re-send orders; reads are retried here,
orders never. Every call has a timeout.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import requests
from alpaca.common.exceptions import APIError
from alpaca.data.enums import DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    AssetStatus,
    OrderSide,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.requests import (
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
)

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.execution.broker import (
    Account,
    Asset,
    BrokerOrder,
    Clock,
    Position,
    TradingDay,
)
from alchemiser_dagster.execution.errors import BrokerError, after_submit, read
from alchemiser_dagster.execution.quotes import Quote
from alchemiser_dagster.execution.wire import (
    decimal_of,
    moment_of,
    new_york,
    order_of,
    sendable,
)
from alchemiser_dagster.ledger.posting import Execution

TIMEOUT_SECONDS = (3, 10)
READ_TRIES = 3
MILLIONTH = Decimal("0.000001")
ORDERS_PAGE = 500
ACTIVITIES_PAGE = 100

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Gateway:
    """One account at the broker.

    `wait` lets broker time pass, in seconds: sleeping at a real broker, moving the simulated clock
    at the embedded one.
    """

    def __init__(
        self,
        trading: TradingClient,
        data: StockHistoricalDataClient,
        *,
        wait: Callable[[float], object] = time.sleep,
        feed: DataFeed = DataFeed.IEX,
    ) -> None:
        self._trading = trading
        self._data = data
        self._feed = feed
        self.wait = wait
        for client in (trading, data):
            client._retry = 0
            client._session.request = functools.partial(  # type: ignore[method-assign]
                client._session.request, timeout=TIMEOUT_SECONDS
            )

    # --- reads -------------------------------------------------------------------------------

    def clock(self) -> Clock:
        """The broker's time and whether the market is open."""
        raw = self._read("clock", self._trading.get_clock)
        return Clock(
            now=moment_of(raw["timestamp"]),
            is_open=raw["is_open"],
            next_open=moment_of(raw["next_open"]),
            next_close=moment_of(raw["next_close"]),
        )

    def calendar(self, first: date, last: date) -> list[TradingDay]:
        """The broker's sessions from `first` to `last`."""
        request = GetCalendarRequest(start=first, end=last)
        rows = self._read("calendar", lambda: self._trading.get_calendar(request))
        return [
            TradingDay(
                session=date.fromisoformat(row["date"]),
                opens_at=new_york(row["date"], row["open"]),
                closes_at=new_york(row["date"], row["close"]),
            )
            for row in rows
        ]

    def account(self) -> Account:
        """Cash, equity and whether the account may trade."""
        raw = self._read("account", self._trading.get_account)
        blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
        obstacle = next((name.replace("_", " ") for name in blocks if raw.get(name)), None)
        if raw["status"] != "ACTIVE":
            obstacle = f"account status {raw['status']}"
        return Account(
            number=raw["account_number"],
            cash=to_cents(Decimal(raw["cash"])),
            equity=Decimal(raw["equity"]).quantize(MILLIONTH),
            obstacle=obstacle,
        )

    def positions(self) -> dict[str, Position]:
        """All positions by symbol."""
        rows = self._read("positions", self._trading.get_all_positions)
        return {
            row["symbol"]: Position(
                row["symbol"], Decimal(row["qty"]), Decimal(row["current_price"])
            )
            for row in rows
        }

    def assets(self) -> dict[str, Asset]:
        """Every US stock and fund the broker knows as active, by symbol."""
        request = GetAssetsRequest(status=AssetStatus.ACTIVE, asset_class=AssetClass.US_EQUITY)
        rows = self._read("assets", lambda: self._trading.get_all_assets(request))
        return {
            row["symbol"]: Asset(row["symbol"], bool(row["tradable"]), bool(row["fractionable"]))
            for row in rows
        }

    def quotes(self, symbols: Iterable[str]) -> dict[str, Quote]:
        """The latest quote of each symbol; one without a quote is absent."""
        wanted = sorted(set(symbols))
        if not wanted:
            return {}
        request = StockLatestQuoteRequest(symbol_or_symbols=wanted, feed=self._feed)
        raw = self._read("quotes", lambda: self._data.get_stock_latest_quote(request))
        return {
            symbol: Quote(
                symbol, decimal_of(quote["bp"]), decimal_of(quote["ap"]), moment_of(quote["t"])
            )
            for symbol, quote in raw.items()
            if quote is not None
        }

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """The order of a client id; None when the broker has none."""
        try:
            raw = self._read("order", lambda: self._trading.get_order_by_client_id(client_order_id))
        except BrokerError as error:
            cause = error.__cause__
            if isinstance(cause, APIError) and cause.status_code == requests.codes.not_found:
                return None
            raise
        return order_of(raw)

    def orders_since(self, since: datetime) -> dict[str, BrokerOrder]:
        """The latest orders submitted after `since`, at most 500, by client id."""
        request = GetOrdersRequest(status=QueryOrderStatus.ALL, limit=ORDERS_PAGE, after=since)
        rows = self._read("orders", lambda: self._trading.get_orders(request))
        return {row["client_order_id"]: order_of(row) for row in rows}

    def executions(self, since: datetime) -> dict[str, list[Execution]]:
        """Every execution after `since`, by the broker's order id."""
        found: dict[str, list[Execution]] = {}
        for row in self._activities("FILL", since):
            found.setdefault(row["order_id"], []).append(
                Execution(
                    execution_id=row["id"],
                    quantity=Decimal(row["qty"]),
                    cumulative_quantity=Decimal(row["cum_qty"]),
                    price=Decimal(row["price"]),
                    executed_at=moment_of(row["transaction_time"]),
                )
            )
        return found

    def _activities(self, kind: str, since: datetime) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            query: dict[str, Any] = {
                "after": since.isoformat(),
                "direction": "asc",
                "page_size": ACTIVITIES_PAGE,
            }
            if token is not None:
                query["page_token"] = token
            asked = functools.partial(self._trading.get, f"/account/activities/{kind}", query)
            rows = self._read("activities", asked)
            yield from rows
            if len(rows) < ACTIVITIES_PAGE:
                return
            if rows[-1]["id"] == token:
                raise BrokerError(f"expected a further page of activities after {token}, was none")
            token = rows[-1]["id"]

    # --- effects -----------------------------------------------------------------------------

    def submit(
        self,
        *,
        client_order_id: str,
        symbol: str,
        side: str,
        quantity: Decimal,
        limit_price: Decimal | None,
    ) -> BrokerOrder:
        """Send a DAY order: a limit order, or a market order when `limit_price` is None.

        Raises OrderRefused, AlreadyAccepted or OutcomeUnknown; sends exactly one request.
        """
        common = {
            "symbol": symbol,
            "qty": sendable(quantity),
            "side": OrderSide(side),
            "time_in_force": TimeInForce.DAY,
            "client_order_id": client_order_id,
        }
        request: OrderRequest = (
            MarketOrderRequest(**common)
            if limit_price is None
            else LimitOrderRequest(**common, limit_price=sendable(limit_price))
        )
        try:
            return order_of(self._trading.submit_order(request))
        except Exception as error:
            raise after_submit(error) from error

    def cancel(self, order_id: str) -> None:
        """Ask for an order's end. Whether it ended, and how, only its status says.

        A request that is refused or lost is not an error: an order whose status stays open is asked
        to end again.
        """
        try:
            self._trading.cancel_order_by_id(order_id)
        except APIError as error:
            # 422: it ended by itself first.
            if error.status_code == requests.codes.unauthorized:
                raise BrokerError(f"cancel of {order_id}: {error}") from error
        except requests.RequestException:
            _log.warning("the cancel of order %s was not answered", order_id, exc_info=True)

    def _read(self, what: str, call: Callable[[], T]) -> Any:
        for attempt in range(1, READ_TRIES + 1):
            try:
                return call()
            except (APIError, requests.RequestException, TypeError, ValueError) as error:
                verdict = isinstance(error, APIError) and _is_final(error)
                if verdict or attempt == READ_TRIES:
                    raise BrokerError(f"reading {what}: {_brief(error)}") from error
                time.sleep(2 ** (attempt - 1))
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
