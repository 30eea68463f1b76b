"""No request, however strange, makes the server fail."""

from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.embedded.openapi import OPERATIONS
from tests.embedded.conftest import Desk, desk_of, new_york, tiny_bars
from tests.embedded.test_contract import keys

NUMBERS = st.one_of(
    st.integers(-5, 2000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals("-1", "1000", places=3).map(str),
)
SYMBOLS = st.sampled_from(["STILL", "CALM", "NONE", "STILL240322C00100000", "", "é", "A" * 40])
PRICES = ("qty", "notional", "limit_price", "stop_price", "trail_price", "trail_percent")
FIELDS = (
    *("symbol", "side", "type", "time_in_force", "extended_hours", "client_order_id"),
    *("order_class", "legs", "position_intent", "take_profit", "suspend_trade"),
    *("max_margin_multiplier", *PRICES),
)
WORDS = st.one_of(SYMBOLS, st.text(max_size=8), NUMBERS.map(str))
STRANGE = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.lists(WORDS, max_size=2))
BODIES = st.one_of(
    STRANGE,
    st.dictionaries(
        st.sampled_from(FIELDS),
        STRANGE,
    ),
    st.fixed_dictionaries(
        {
            "symbol": SYMBOLS,
            "side": st.sampled_from(["buy", "sell"]),
            "type": st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
            "time_in_force": st.sampled_from(["day", "gtc", "ioc"]),
        },
        optional=dict.fromkeys(PRICES, NUMBERS),
    ),
)
DAYS = st.sampled_from(["2024-03-18", "2024-03-18T10:00:00Z", "1800-01-01", "9999-12-31", "x"])


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from alchemiser_dagster.embedded import EmbeddedBroker

    state: Path = tmp_path_factory.mktemp("strange") / "broker.sqlite"
    with EmbeddedBroker(tiny_bars(), state, opened_at=new_york("2024-03-18 10:00")) as broker:
        yield desk_of(broker)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_request_makes_the_server_fail(stranger: Desk, data: st.DataObject) -> None:
    method, path, _, _, names, body = data.draw(st.sampled_from(OPERATIONS))
    for place in ("{order_id}", "{symbol}", "{underlying}", "{type}"):
        path = path.replace(place, data.draw(st.sampled_from(["STILL", "FILL", "x", "%00", "é"])))
    query = {
        name: data.draw(st.one_of(WORDS, DAYS))
        for name in names.split()
        if data.draw(st.booleans())
    }
    sent = data.draw(BODIES) if body is not None else None
    answer = requests.request(
        method,
        stranger.broker.url + path,
        params=query,
        json=sent,
        headers=keys(stranger),
        timeout=10,
        allow_redirects=False,
    )
    assert answer.status_code < 500, (method, path, query, sent)
    assert not answer.is_redirect
