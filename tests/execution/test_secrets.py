"""Neither a log line nor an exception says a key, whatever goes wrong at the broker."""

import logging
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.guards import embedded_gateway
from alchemiser_dagster.market.sessions import session_close

from .conftest import INCEPTION, small_market

FAULTS: list[dict[str, object]] = [
    {"action": "status", "status": 401},
    {"action": "status", "status": 500, "body": "html"},
    {"action": "status", "status": 403, "body": "empty"},
    {"action": "reset"},
    {"action": "truncate_body", "stage": "after_commit"},
    {"action": "bad_json", "stage": "after_commit"},
]


def send(gateway: Gateway) -> object:
    return gateway.submit(
        client_order_id="one", symbol="XYZ", side="buy", quantity=Decimal(1), limit_price=None
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault["action"]))
@pytest.mark.parametrize("call", [Gateway.account, Gateway.positions, send])
def test_no_secret_in_logs_and_exceptions(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, object],
    call: Callable[[Gateway], object],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("alchemiser_dagster.execution.calls.READ_TRIES", 1)
    opened_at = session_close(INCEPTION)
    with EmbeddedBroker(small_market(), tmp_path / "broker.db", opened_at=opened_at) as broker:
        gateway = embedded_gateway(
            broker.url, broker.api_key, broker.secret_key, wait=lambda _: None
        )
        broker.control().add_fault(match={"path": "/v2/*"}, **fault)
        with pytest.raises(BrokerError) as raised:
            call(gateway)
        said = caplog.text + repr(gateway) + "".join(traceback.format_exception(raised.value))
        for secret in (broker.api_key, broker.secret_key, broker.control_token):
            assert secret not in said
