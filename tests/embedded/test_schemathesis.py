"""The server's own OpenAPI document, tried out: no server error, every answer as documented.

Requests are drawn from the document, right and wrong ones, from a fixed seed.
"""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.embedded.openapi import OPERATIONS, document
from tests.embedded.conftest import Desk, desk_of, new_york, tiny_bars
from tests.embedded.order_requests import limit, market
from tests.embedded.test_contract import keys

SCHEMA = schemathesis.openapi.from_dict(document("test"))


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """An account with a position and an open order."""
    state = tmp_path_factory.mktemp("tried") / "broker.sqlite"
    with EmbeddedBroker(tiny_bars(), state, opened_at=new_york("2024-03-18 10:00")) as broker:
        desk = desk_of(broker)
        desk.trading.submit_order(market("buy", "STILL", "10"))
        desk.trading.submit_order(limit("buy", "CALM", "1", "10.00"))
        yield desk


@pytest.mark.parametrize(("method", "path"), [(row[0], row[1]) for row in OPERATIONS])
def test_operation(tried: Desk, method: str, path: str) -> None:
    operation = SCHEMA[path][method.upper()]

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def try_out(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        case.call_and_validate(
            base_url=tried.broker.url,
            headers=keys(tried),
            checks=[not_a_server_error, response_schema_conformance],
            timeout=10,
        )

    try_out()
    assert tried.control.state()["server_errors"] == 0
