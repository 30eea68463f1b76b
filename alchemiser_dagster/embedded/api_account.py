"""The account's own part of the trading API: figures, settings, activities, history."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alchemiser_dagster.embedded import views
from alchemiser_dagster.embedded.answers import choice, count, json_answer, json_body, text, words
from alchemiser_dagster.embedded.archive import ActivityFilter
from alchemiser_dagster.embedded.brokerage import MARGIN_MULTIPLIERS, Brokerage
from alchemiser_dagster.embedded.portfolio import history_view, read_span
from alchemiser_dagster.embedded.refusals import invalid
from alchemiser_dagster.embedded.state import Configuration
from alchemiser_dagster.embedded.wire import read_date, read_moment, utc_nanos

MOST_ACTIVITIES = 100
MOST_ACTIVITIES_OF_A_DAY = 1_000_000
EMAIL_CHOICES = ("all", "none")

Handler = Callable[[Request], Awaitable[Response]]


class AccountApi:
    """The routes under `/v2/account`."""

    def __init__(self, broker: Brokerage) -> None:
        self._broker = broker

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/v2/account", self.account),
            ("GET", "/v2/account/configurations", self.configuration),
            ("PATCH", "/v2/account/configurations", self.configure),
            ("GET", "/v2/account/activities", self.activities),
            ("GET", "/v2/account/activities/{type}", self.activities),
            ("GET", "/v2/account/portfolio/history", self.history),
        ]
        return [Route(path, handler, methods=[method]) for method, path, handler in table]

    async def account(self, request: Request) -> Response:
        broker = self._broker
        view = views.account_view(
            broker.state,
            broker.figures(),
            broker.account_id,
            broker.account_number,
            utc_nanos(broker.terms.opened_at),
        )
        return json_answer(view)

    async def configuration(self, request: Request) -> Response:
        return json_answer(views.configuration_view(self._broker.state.configuration))

    async def configure(self, request: Request) -> Response:
        changes = _configuration_changes(await json_body(request))
        state = self._broker.state
        with self._broker.unit():
            state.configuration = dataclasses.replace(state.configuration, **changes)
        return json_answer(views.configuration_view(state.configuration))

    async def history(self, request: Request) -> Response:
        broker = self._broker
        span = read_span(
            period=text(request, "period"),
            timeframe=text(request, "timeframe"),
            start=text(request, "start"),
            end=text(request, "end") or text(request, "date_end"),
            now=broker.state.now,
        )
        closes = broker.store.daily_closes()
        return json_answer(history_view(closes, span, broker.terms.opening_cash))

    async def activities(self, request: Request) -> Response:
        kind = request.path_params.get("type")
        types = (kind,) if kind else words(request, "activity_types")
        day, after, until = (text(request, name) for name in ("date", "after", "until"))
        since = read_moment(after, "after") if after else None
        before = read_moment(until, "until") if until else None
        if day:
            start = read_moment(read_date(day, "date").isoformat(), "date")
            since = start - timedelta(microseconds=1)
            before = read_moment(day[:10], "date", end_of_day=True) + timedelta(microseconds=1)
        wanted = ActivityFilter(
            types=types,
            after=since,
            until=before,
            beyond=text(request, "page_token"),
            descending=choice(request, "direction", ("asc", "desc"), "desc") == "desc",
            limit=count(
                request,
                "page_size",
                MOST_ACTIVITIES,
                MOST_ACTIVITIES_OF_A_DAY if day else MOST_ACTIVITIES,
            ),
        )
        found = self._broker.store.activities(wanted)
        if found is None:
            raise invalid("invalid page_token")
        return json_answer([views.activity_view(activity) for activity in found])


def _configuration_changes(body: Mapping[str, object]) -> dict[str, Any]:
    """The settings in the body of a PATCH; nulls and unknown names are left alone."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(Configuration):
        value = body.get(field.name)
        if value is None:
            continue
        if field.type is bool or field.type == "bool":
            if not isinstance(value, bool):
                raise invalid(f"invalid {field.name}: expected true or false, was {value}")
        elif str(value) not in (
            MARGIN_MULTIPLIERS if field.name == "max_margin_multiplier" else EMAIL_CHOICES
        ):
            raise invalid(f"invalid {field.name}: {value}")
        changes[field.name] = value if isinstance(value, bool) else str(value)
    return changes
