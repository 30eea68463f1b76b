"""Orders reach the broker that was meant, or none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.guards import WrongBroker, embedded_gateway, real_gateway
from alchemiser_dagster.market.sessions import session_close

from .conftest import INCEPTION, small_market


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(
        small_market(), tmp_path / "broker.db", opened_at=session_close(INCEPTION)
    ) as broker:
        yield broker


@pytest.mark.parametrize(
    "url", ["", "https://paper-api.alpaca.markets", "http://10.0.0.1:80", "127.0.0.1:80"]
)
def test_embedded_mode_stays_on_this_machine(url: str) -> None:
    with pytest.raises(WrongBroker, match="expected the embedded broker on this machine"):
        embedded_gateway(url, "key", "secret", wait=lambda _: None)


def test_a_proxy_in_the_environment_changes_nothing(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    gateway = embedded_gateway(broker.url, broker.api_key, broker.secret_key, wait=lambda _: None)
    assert gateway.account().number.startswith("EMB")


def test_wrong_keys_are_told_without_telling_them(broker: EmbeddedBroker) -> None:
    with pytest.raises(BrokerError, match="HTTP 401") as refused:
        embedded_gateway(broker.url, "wrong-key", "wrong-secret", wait=lambda _: None)
    assert "wrong-secret" not in str(refused.value)


@pytest.mark.parametrize(("key", "secret"), [(None, None), ("key", None), ("", "secret")])
def test_a_real_account_needs_keys(key: str | None, secret: str | None) -> None:
    with pytest.raises(WrongBroker, match="ALPACA_API_KEY and ALPACA_SECRET_KEY"):
        real_gateway(key, secret, live=False, confirmed_account=None)


def test_live_needs_the_account_number_too() -> None:
    with pytest.raises(WrongBroker, match="ALCHEMISER_LIVE"):
        real_gateway("key", "secret", live=True, confirmed_account=None)
