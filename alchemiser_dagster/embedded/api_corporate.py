"""The corporate-actions API, `/v1/corporate-actions`: dividends, once their ex-date has come.

Splits are in the bars already, so there are none to tell.
"""

import base64
import uuid
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alchemiser_dagster.embedded.answers import choice, count, json_answer, text, words
from alchemiser_dagster.embedded.bookkeeping import NAMESPACE
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.clock import last_opened_session
from alchemiser_dagster.embedded.dividends import Dividend, dividends_between
from alchemiser_dagster.embedded.refusals import RefusalError, bad_data_request
from alchemiser_dagster.embedded.wire import read_date

MOST_ACTIONS = 1000
DEFAULT_ACTIONS = 100
FIRST_DAY = date(1990, 1, 1)
CASH_DIVIDEND = "cash_dividend"


class CorporateActionsApi:
    """The route of the corporate-actions API."""

    def __init__(self, broker: Brokerage) -> None:
        self._broker = broker

    def routes(self) -> list[Route]:
        return [Route("/v1/corporate-actions", self.actions, methods=["GET"])]

    async def actions(self, request: Request) -> Response:
        try:
            return self._page(request)
        except RefusalError as refusal:
            raise bad_data_request(refusal.message) from refusal

    def _page(self, request: Request) -> Response:
        limit = count(request, "limit", DEFAULT_ACTIONS, MOST_ACTIONS)
        types, ids = words(request, "types"), set(words(request, "ids"))
        found: list[Dividend] = []
        if not types or CASH_DIVIDEND in types:
            found = [d for d in self._dividends(request) if not ids or action_id(d) in ids]
        descending = choice(request, "sort", ("asc", "desc"), "asc") == "desc"
        found.sort(key=lambda d: (d.ex_date, d.symbol), reverse=descending)
        start = _offset(text(request, "page_token"))
        page = found[start : start + limit]
        token = None
        if start + limit < len(found):
            token = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
        actions = {"cash_dividends": [dividend_view(d) for d in page]} if page else {}
        return json_answer({"corporate_actions": actions, "next_page_token": token})

    def _dividends(self, request: Request) -> list[Dividend]:
        now = self._broker.state.now
        start, end = text(request, "start"), text(request, "end")
        first = read_date(start, "start") if start else FIRST_DAY
        last = min(last_opened_session(now), read_date(end, "end") if end else date.max)
        bars = self._broker.market.bars
        symbols = words(request, "symbols") or tuple(self._broker.market.listed_symbols(now))
        return [
            dividend
            for symbol in sorted(set(symbols))
            if symbol in bars
            for dividend in dividends_between(bars[symbol], first, last)
        ]


def action_id(dividend: Dividend) -> str:
    return str(uuid.uuid5(NAMESPACE, f"dividend:{dividend.symbol}:{dividend.ex_date}"))


def dividend_view(dividend: Dividend) -> dict[str, object]:
    day = dividend.ex_date.isoformat()
    return {
        "id": action_id(dividend),
        "symbol": dividend.symbol,
        "cusip": "",
        "rate": float(dividend.per_share),
        "special": False,
        "foreign": False,
        "process_date": day,
        "ex_date": day,
        "record_date": day,
        "payable_date": day,
    }


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        raise bad_data_request("invalid page_token") from None
