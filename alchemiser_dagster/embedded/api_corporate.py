"""The corporate-actions API, `/v1/corporate-actions`: those whose ex-date has come.

Cash dividends are read from the adjusted closes, splits from the bars' own column of them.
"""

import base64
import uuid
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alchemiser_dagster.embedded.answers import choice, count, json_answer, text, words
from alchemiser_dagster.embedded.bookkeeping import NAMESPACE
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.clock import last_opened_session, new_york_date, session_start
from alchemiser_dagster.embedded.dividends import Dividend, dividends_between
from alchemiser_dagster.embedded.refusals import RefusalError, bad_data_request
from alchemiser_dagster.embedded.splits import Split, splits_between
from alchemiser_dagster.embedded.wire import read_date

MOST_ACTIONS = 1000
DEFAULT_ACTIONS = 100
FIRST_DAY = date(1990, 1, 1)

Action = Dividend | Split


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
        found = [
            action
            for action in self._actions(request)
            if (not types or type_of(action) in types) and (not ids or action_id(action) in ids)
        ]
        descending = choice(request, "sort", ("asc", "desc"), "asc") == "desc"
        found.sort(key=lambda a: (a.ex_date, a.symbol, type_of(a)), reverse=descending)
        start = _offset(text(request, "page_token"))
        page = found[start : start + limit]
        token = None
        if start + limit < len(found):
            token = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
        actions: dict[str, list[dict[str, object]]] = {}
        for action in page:
            actions.setdefault(f"{type_of(action)}s", []).append(action_view(action))
        return json_answer({"corporate_actions": actions, "next_page_token": token})

    def _actions(self, request: Request) -> list[Action]:
        now = self._broker.state.now
        start, end = text(request, "start"), text(request, "end")
        first = read_date(start, "start") if start else FIRST_DAY
        today = new_york_date(now)
        begun = today if now >= session_start(today) else today - timedelta(days=1)
        last = min(begun, read_date(end, "end") if end else date.max)
        bars = self._broker.market.bars
        symbols = words(request, "symbols") or tuple(self._broker.market.listed_symbols(now))
        found: list[Action] = []
        for symbol in sorted(set(symbols)):
            if symbol in bars:
                opened = min(last, last_opened_session(now))
                found += dividends_between(bars[symbol], first, opened)
                found += splits_between(bars[symbol], first, last)
        return found


def type_of(action: Action) -> str:
    """What Alpaca calls it, in the singular."""
    if isinstance(action, Dividend):
        return "cash_dividend"
    return "forward_split" if action.is_forward else "reverse_split"


def action_id(action: Action) -> str:
    kind = "dividend" if isinstance(action, Dividend) else "split"
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{action.symbol}:{action.ex_date}"))


def action_view(action: Action) -> dict[str, object]:
    """An action as the API writes it; the bars know no other day than the ex-date."""
    days = ("process_date", "ex_date", "record_date", "payable_date")
    view: dict[str, object] = {
        "id": action_id(action),
        "symbol": action.symbol,
        **dict.fromkeys(days, action.ex_date.isoformat()),
    }
    if isinstance(action, Dividend):
        return view | {
            "cusip": "",
            "rate": float(action.per_share),
            "special": False,
            "foreign": False,
        }
    view |= {"new_rate": action.new, "old_rate": action.old}
    if action.is_forward:
        return view | {"cusip": "", "due_bill_redemption_date": None}
    return view | {"old_cusip": "", "new_cusip": ""}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        raise bad_data_request("invalid page_token") from None
