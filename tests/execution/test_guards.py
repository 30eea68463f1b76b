"""Orders reach the broker that was meant, or none."""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from alpaca.trading.client import TradingClient

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.guards import (
    NotArmed,
    WrongBroker,
    embedded_gateway,
    real_gateway,
)
from alchemiser_dagster.market.sessions import session_close

from .conftest import INCEPTION, small_market

ACCOUNT = "123456789"


class Alpaca(BaseHTTPRequestHandler):
    """A server that is not embedded and has one account; the clock stands still."""

    answers: ClassVar[dict[str, object]] = {
        "/v2/account": {
            "account_number": ACCOUNT,
            "status": "ACTIVE",
            "cash": "1",
            "equity": "1",
        },
        "/v2/clock": {
            "timestamp": "2026-11-23T22:30:00-05:00",
            "is_open": False,
            "next_open": "2026-11-24T09:30:00-05:00",
            "next_close": "2026-11-24T16:00:00-05:00",
        },
    }

    def do_GET(self) -> None:
        body = json.dumps(self.answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def alpaca() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Alpaca) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def redirect(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts the server at a URL in the place of Alpaca."""

    def put(url: str) -> None:
        client = functools.partial(TradingClient, url_override=url)
        monkeypatch.setattr("alchemiser_dagster.execution.guards.TradingClient", client)

    return put


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    return tmp_path / "live.arm"


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


def test_embedded_mode_wants_a_server_that_says_so(alpaca: str) -> None:
    with pytest.raises(WrongBroker, match="was a server without X-Embedded-Alpaca"):
        embedded_gateway(alpaca, "key", "secret", wait=lambda _: None)


@pytest.mark.parametrize(("key", "secret"), [(None, None), ("key", None), ("", "secret")])
def test_a_real_account_needs_keys(key: str | None, secret: str | None, arm: Path) -> None:
    with pytest.raises(WrongBroker, match="ALPACA_API_KEY and ALPACA_SECRET_KEY"):
        real_gateway(key, secret, live=False, confirmed_account=None, arm_file=arm)


def test_live_needs_the_account_number_too(arm: Path) -> None:
    with pytest.raises(WrongBroker, match="ALCHEMISER_LIVE"):
        real_gateway("key", "secret", live=True, confirmed_account=None, arm_file=arm)


@pytest.mark.parametrize("live", [False, True])
def test_an_embedded_broker_in_the_place_of_alpaca_is_refused(
    broker: EmbeddedBroker, redirect: Callable[[str], None], arm: Path, live: bool
) -> None:
    redirect(broker.url)
    with pytest.raises(WrongBroker, match=r"expected Alpaca at .*, was an embedded broker"):
        real_gateway(
            broker.api_key, broker.secret_key, live=live, confirmed_account="1", arm_file=arm
        )


def test_paper_needs_no_arming(redirect: Callable[[str], None], alpaca: str, arm: Path) -> None:
    redirect(alpaca)
    gateway = real_gateway("key", "secret", live=False, confirmed_account=None, arm_file=arm)
    assert gateway.account().number == ACCOUNT


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (None, "there is no .*live.arm; to trade live today: echo '123456789 2026-11-23' > "),
        ("", "expected '123456789 2026-11-23', was ''"),
        ("123456789", "was '123456789'"),
        ("987654321 2026-11-23", "was '987654321 2026-11-23'"),
        ("123456789 2026-11-22", "was '123456789 2026-11-22'"),
        ("123456789 2026-11-24", "was '123456789 2026-11-24'"),
    ],
)
def test_live_is_armed_for_an_account_and_a_day(
    redirect: Callable[[str], None], alpaca: str, arm: Path, held: str | None, message: str
) -> None:
    redirect(alpaca)
    if held is not None:
        arm.write_text(held)
    with pytest.raises(NotArmed, match=message):
        real_gateway("key", "secret", live=True, confirmed_account=ACCOUNT, arm_file=arm)


def test_live_with_all_three_facts(redirect: Callable[[str], None], alpaca: str, arm: Path) -> None:
    """At 22:30 in New York on the 23rd it is the 24th in UTC; the day meant is New York's."""
    redirect(alpaca)
    arm.write_text(f"{ACCOUNT} 2026-11-23\n")
    gateway = real_gateway("key", "secret", live=True, confirmed_account=ACCOUNT, arm_file=arm)
    assert gateway.account().number == ACCOUNT


def test_live_of_another_account(redirect: Callable[[str], None], alpaca: str, arm: Path) -> None:
    redirect(alpaca)
    arm.write_text(f"{ACCOUNT} 2026-11-23\n")
    with pytest.raises(WrongBroker, match="ALCHEMISER_LIVE: expected 123456789"):
        real_gateway("key", "secret", live=True, confirmed_account="987654321", arm_file=arm)
