"""The broker without a server: the same answers, and faults that take simulated time only."""

import functools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient

from alchemiser_dagster.embedded import EmbeddedBroker, InProcessBroker
from alchemiser_dagster.embedded.store import Store
from alchemiser_dagster.market.sessions import SessionError
from tests.embedded.conftest import WHOLE_FILLS, new_york, tiny_bars
from tests.embedded.order_requests import limit, market

MORNING = "2024-03-18 10:00"
POST_ORDER = {"method": "POST", "path": "/v2/orders"}
READ_TIMEOUT = 10.0


def broker_at(at: str = MORNING, **terms: object) -> InProcessBroker:
    terms = {"profile": WHOLE_FILLS, **terms}
    return InProcessBroker(tiny_bars(), opened_at=new_york(at), **terms)  # type: ignore[arg-type]


def client_of(broker: InProcessBroker) -> TradingClient:
    client = TradingClient(
        broker.api_key, broker.secret_key, raw_data=True, url_override=broker.url
    )
    session = client._session
    session.mount(broker.url, broker.adapter)
    session.request = functools.partial(session.request, timeout=(3, READ_TIMEOUT))  # type: ignore[method-assign]
    client._retry = 0
    return client


def resting(name: str = "one") -> object:
    return limit("buy", "STILL", "2", "90.00", client_order_id=name)


def on_the_book(client: TradingClient) -> list[str]:
    return [row["client_order_id"] for row in client.get("/orders", {"status": "all"})]


def trade(client: TradingClient, data: StockHistoricalDataClient) -> list[object]:
    """A little of everything; the answers."""
    return [
        client.get_account(),
        client.submit_order(market("buy", "WILD", "7.5", client_order_id="a")),
        client.submit_order(limit("buy", "CALM", "3", "40.00", client_order_id="b")),
        client.get_order_by_client_id("a"),
        client.cancel_orders(),
        client.get_all_positions(),
        data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["WILD", "CALM"])),
        client.get("/account/activities/FILL", {"page_size": 100}),
        client.get_clock(),
    ]


def test_the_same_requests_have_the_same_answers_as_over_a_socket(tmp_path: Path) -> None:
    """And leave the same account."""
    at, state = new_york(MORNING), tmp_path / "broker.sqlite"
    with EmbeddedBroker(tiny_bars(), state, opened_at=at, profile=WHOLE_FILLS) as served:
        keys = (served.api_key, served.secret_key)
        trading = TradingClient(*keys, raw_data=True, url_override=served.url)
        data = StockHistoricalDataClient(*keys, raw_data=True, url_override=served.url)
        over_a_socket = trade(trading, data)
        served.control().advance(3600)
    there = Store(state)
    broker = broker_at()
    data = StockHistoricalDataClient("x", "y", raw_data=True, url_override=broker.url)
    data._session.mount(broker.url, broker.adapter)
    data._api_key, data._secret_key = broker.api_key, broker.secret_key
    assert trade(client_of(broker), data) == over_a_socket
    broker.control().advance(3600)
    assert broker.brokerage.store.dump() == there.dump()
    there.close()


def test_a_client_without_the_adapter_reaches_nothing() -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{broker_at().url}/v2/clock", timeout=2)


def test_wrong_keys_and_unknown_paths_are_told() -> None:
    broker = broker_at()
    client = client_of(broker)
    with pytest.raises(APIError, match="endpoint not found"):
        client.get("/nowhere")
    client._secret_key = "wrong"
    with pytest.raises(APIError, match="unauthorized"):
        client.get_clock()


@pytest.mark.parametrize("stage", ["before", "after_commit"])
@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"action": "status", "status": 502, "body": "html"}, APIError),
        ({"action": "reset"}, requests.ConnectionError),
        ({"action": "hang", "seconds": 3}, requests.ConnectionError),
        ({"action": "hang", "seconds": 30}, requests.ReadTimeout),
    ],
)
def test_stage_says_whether_the_order_is_on_the_book(
    stage: str, fault: dict[str, object], raised: type[Exception]
) -> None:
    broker = broker_at(faults=[{"stage": stage, "match": POST_ORDER, "times": 1, **fault}])
    client = client_of(broker)
    with pytest.raises(raised):
        client.submit_order(resting())
    broker.advance(60)
    assert broker.faults.rules[0].fired == 1
    assert on_the_book(client) == (["one"] if stage == "after_commit" else [])


@pytest.mark.parametrize("action", ["truncate_body", "bad_json"])
def test_broken_body_of_an_accepted_order(action: str) -> None:
    rule = {"action": action, "stage": "after_commit", "match": POST_ORDER, "times": 1}
    client = client_of(broker_at(faults=[rule]))
    with pytest.raises(requests.RequestException):
        client.submit_order(resting())
    assert on_the_book(client) == ["one"]


def test_a_request_kept_waiting_takes_simulated_time_only() -> None:
    """Nine seconds are waited for; an hour ends with the client's timeout of ten seconds."""
    broker = broker_at(faults=[{"action": "delay", "seconds": 9, "when": {"nth": 1}}])
    client, began, wall = client_of(broker), broker.now, time.monotonic()
    client.get_clock()
    assert broker.now == began + timedelta(seconds=9)
    broker.faults.add([{"action": "hang", "seconds": 3600}])
    with pytest.raises(requests.ReadTimeout):
        client.get_clock()
    assert broker.now == began + timedelta(seconds=9 + READ_TIMEOUT)
    assert time.monotonic() - wall < 5


def test_an_order_is_accepted_after_its_client_has_given_up() -> None:
    """Kept waiting for 15 seconds: at 10 the client looks and finds none, at 15 there is one."""
    broker = broker_at(faults=[{"action": "delay", "seconds": 15, "match": POST_ORDER, "times": 1}])
    client = client_of(broker)
    with pytest.raises(requests.ReadTimeout):
        client.submit_order(resting())
    assert on_the_book(client) == []
    broker.advance(4.999)
    assert on_the_book(client) == []
    broker.advance(0.001)
    (order,) = client.get("/orders", {"status": "all"})
    assert order["client_order_id"] == "one"
    assert datetime.fromisoformat(order["submitted_at"]) == new_york("2024-03-18 10:00:15")


def test_two_orders_kept_waiting_arrive_in_the_order_of_their_time() -> None:
    slow, slower = (
        {"action": "delay", "seconds": seconds, "match": {**POST_ORDER, "client_order_id": name}}
        for name, seconds in (("second", 40), ("first", 20))
    )
    broker = broker_at(faults=[slow, slower])
    client = client_of(broker)
    for name in ("second", "first"):
        with pytest.raises(requests.ReadTimeout):
            client.submit_order(resting(name))
    broker.control().advance(3600)
    rows = client.get("/orders", {"status": "all", "direction": "asc"})
    assert [row["client_order_id"] for row in rows] == ["first", "second"]


def test_the_rate_limit_counts_simulated_minutes() -> None:
    """At 10:00:30, two hundred requests are let in, and no more before 10:01."""
    broker = broker_at("2024-03-18 10:00:30", rate_limit=200)
    client = client_of(broker)
    for _ in range(200):
        client.get_clock()
    with pytest.raises(APIError) as refused:
        client.get_clock()
    headers = refused.value.response.headers
    assert (refused.value.status_code, headers["X-RateLimit-Remaining"]) == (429, "0")
    free = datetime.fromtimestamp(int(headers["X-RateLimit-Reset"]), UTC)
    assert free == new_york("2024-03-18 10:01")
    broker.advance_to(free)
    assert client.get_clock()["is_open"]


def test_the_clock_is_utc_whatever_zone_it_is_moved_to() -> None:
    """Times are stored as texts that sort: an activity of the afternoon is after its morning."""
    broker = broker_at()
    client = client_of(broker)
    broker.advance_to(new_york("2024-03-18 15:00"))
    client.submit_order(market("buy", "WILD", "1"))
    after = new_york("2024-03-18 14:59").astimezone(UTC).isoformat()
    assert len(client.get("/account/activities", {"after": after})) == 1
    with pytest.raises(SessionError):
        broker.advance_to(broker.now.replace(tzinfo=None))


def test_equal_runs_are_equal() -> None:
    dumps = []
    for _ in range(2):
        broker = broker_at(faults=[{"action": "hang", "seconds": 12, "when": {"probability": 0.2}}])
        client = client_of(broker)
        for n in range(40):
            try:
                client.submit_order(market("buy", "WILD", "1.5", client_order_id=str(n)))
            except requests.RequestException:
                broker.advance(5)
        dumps.append(broker.brokerage.store.dump())
    assert dumps[0] == dumps[1]
