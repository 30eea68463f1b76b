"""The gateway: every word between us and the broker, through alpaca-py.

alpaca-py is used in raw mode: a parsed answer can raise after an order was accepted, a raw one
cannot. How calls are made, and repeated, is in `calls`; orders are never repeated here.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests
from alpaca.common.enums import Sort
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
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
)

from alchemiser_dagster.api_calls import CallBudget, discipline
from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.execution.broker import (
    Account,
    Activity,
    Asset,
    BrokerOrder,
    Clock,
    EquityAtClose,
    Position,
    TradingDay,
)
from alchemiser_dagster.execution.calls import read_again
from alchemiser_dagster.execution.errors import BrokerError, after_submit
from alchemiser_dagster.execution.quotes import Quote
from alchemiser_dagster.execution.wire import (
    activity_of,
    decimal_of,
    equity_history_of,
    moment_of,
    new_york,
    order_of,
    sendable,
)
from alchemiser_dagster.ledger.posting import Execution

MILLIONTH = Decimal("0.000001")
ASSETS_KEPT_SECONDS = 300
ORDERS_PAGE = 500
ACTIVITIES_PAGE = 100
ONE_DAY, ONE_SECOND = timedelta(days=1), timedelta(seconds=1)

_log = logging.getLogger(__name__)


class Gateway:
    """One account at the broker.

    `wait` lets broker time pass, in seconds: sleeping at a real broker, moving the simulated clock
    at the embedded one. `now` is the time as it passes here, in seconds, of the same pace.
    `wait_for_news` may end a pause when there is something to read about an order.
    """

    def __init__(
        self,
        trading: TradingClient,
        data: StockHistoricalDataClient,
        *,
        wait: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.time,
        wait_for_news: Callable[[float], object] | None = None,
        feed: DataFeed = DataFeed.IEX,
    ) -> None:
        self._trading = trading
        self._data = data
        self._feed = feed
        self.wait = wait
        self.wait_for_news = wait_for_news or wait
        self.now = now
        self._assets: tuple[float, dict[str, Asset]] | None = None
        # Each of the broker's hosts counts for itself.
        budgets: dict[str, CallBudget] = {}
        for client in (trading, data):
            budget = budgets.setdefault(client._base_url, CallBudget(now=now, wait=wait))
            discipline(client, budget)
        self.budget = budgets[trading._base_url]

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
            equity=_dollars(raw["equity"]),
            last_equity=_dollars(raw["last_equity"]) if raw.get("last_equity") else None,
            # The broker has dropped fields before: what is not there is not available.
            buying_power=_dollars(raw.get("buying_power") or "0"),
            long_market_value=_dollars(raw.get("long_market_value") or "0"),
            obstacle=obstacle,
        )

    def equity_history(self, first: date, last: date) -> list[EquityAtClose]:
        """What the account was worth at each close from `first` to `last`, oldest first."""
        opens, ends = (new_york(day.isoformat(), "00:00") for day in (first, last + ONE_DAY))
        request = GetPortfolioHistoryRequest(timeframe="1D", start=opens, end=ends - ONE_SECOND)
        read = functools.partial(self._trading.get_portfolio_history, request)
        return equity_history_of(self._read("equity history", read))

    def positions(self) -> dict[str, Position]:
        """All positions by symbol."""
        rows = self._read("positions", self._trading.get_all_positions)
        return {
            row["symbol"]: Position(
                row["symbol"],
                quantity=Decimal(row["qty"]),
                available=Decimal(row["qty_available"]),
                price=Decimal(row["current_price"]),
            )
            for row in rows
        }

    def assets(self) -> dict[str, Asset]:
        """The US stocks and funds that are active, by symbol; five minutes old at most."""
        if self._assets is not None and self.now() - self._assets[0] < ASSETS_KEPT_SECONDS:
            return self._assets[1]
        request = GetAssetsRequest(status=AssetStatus.ACTIVE, asset_class=AssetClass.US_EQUITY)
        rows = self._read("assets", lambda: self._trading.get_all_assets(request))
        found = {
            row["symbol"]: Asset(row["symbol"], bool(row["tradable"]), bool(row["fractionable"]))
            for row in rows
        }
        self._assets = (self.now(), found)
        return found

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
        """Every order submitted after `since`, by client id."""
        found: dict[str, BrokerOrder] = {}
        until: datetime | None = None
        while True:
            request = GetOrdersRequest(
                status=QueryOrderStatus.ALL, limit=ORDERS_PAGE, after=since, until=until
            )
            asked = functools.partial(self._trading.get_orders, request)
            rows = self._read("orders", asked)
            new = {row["client_order_id"]: order_of(row) for row in rows}
            more = len(rows) == ORDERS_PAGE and not new.keys() <= found.keys()
            found = {**new, **found}
            if not more:
                return found
            # Pages go back in time, and orders of one moment may stand on both sides of the edge.
            until = moment_of(rows[-1]["submitted_at"]) + timedelta(milliseconds=1)

    def orders_page(self, after: datetime | None) -> list[Any]:
        """The first orders submitted after a moment (None: of all), oldest first, as JSON."""
        request = GetOrdersRequest(
            status=QueryOrderStatus.ALL, limit=ORDERS_PAGE, after=after, direction=Sort.ASC
        )
        rows = self._read("orders", lambda: self._trading.get_orders(request))
        return list(rows)

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

    def activities(self, since: datetime) -> list[Activity]:
        """Every activity after `since`, oldest first, executions included."""
        return [activity_of(row) for row in self._activities("", since)]

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
            path = f"/account/activities/{kind}".rstrip("/")
            asked = functools.partial(self._trading.get, path, query)
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

    def _read(self, what: str, call: Callable[[], Any]) -> Any:
        return read_again(what, call, self.wait)


def _dollars(text: str) -> Decimal:
    return Decimal(text).quantize(MILLIONTH)
