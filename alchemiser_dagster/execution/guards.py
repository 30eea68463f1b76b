"""Connecting to the right broker, or to none.

Embedded orders must never reach a real broker, and real orders never a simulated one. So the
embedded mode insists on a loopback address and on a server that says it is embedded, in a header of
every answer, with keys of its own; paper and live insist on the contrary. Live also wants three
facts that nobody gives by accident: the broker mode `live`, the account number in ALCHEMISER_LIVE,
and the arm file, which names the account and the one day it is good for.
"""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import requests
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from alpaca.trading.stream import TradingStream

from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.updates import TradeUpdates
from alchemiser_dagster.market.sessions import NEW_YORK

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
EMBEDDED_ACCOUNTS = "EMB"
EMBEDDED_HEADER = "X-Embedded-Alpaca"
ARM_FILE = "live.arm"


class WrongBroker(Exception):
    """The broker at the other end is not the one that was meant."""


class NotArmed(WrongBroker):
    """Live trading is not armed for this account today."""


def embedded_gateway(
    url: str, api_key: str, secret_key: str, *, wait: Callable[[float], object]
) -> Gateway:
    """The gateway to the embedded broker at `url`, which must be on this machine.

    `wait` moves the simulated clock by seconds.
    """
    # alpaca-py takes an empty override for "the real broker", so it must never get there.
    host = urlsplit(url).hostname
    if host not in LOOPBACK:
        raise WrongBroker(f"expected the embedded broker on this machine, was {url!r}")
    trading = TradingClient(api_key, secret_key, paper=True, raw_data=True, url_override=url)
    data = StockHistoricalDataClient(api_key, secret_key, raw_data=True, url_override=url)
    for client in (trading, data):
        client._session.trust_env = False  # no proxy and no netrc between us and loopback
        client._session.hooks["response"].append(_must_be_embedded)
    time = _TimeWaited(wait)
    gateway = Gateway(trading, data, wait=time.wait, now=time.now)
    number = gateway.account().number
    if not number.startswith(EMBEDDED_ACCOUNTS):
        raise WrongBroker(f"expected an embedded account ({EMBEDDED_ACCOUNTS}...), was {number}")
    return gateway


def trade_updates(api_key: str, secret_key: str, *, live: bool) -> TradeUpdates:
    """The hints of a real account's stream; it connects at its first pause."""
    return TradeUpdates(lambda: TradingStream(api_key, secret_key, paper=not live, raw_data=True))


def real_gateway(
    api_key: str | None,
    secret_key: str | None,
    *,
    live: bool,
    confirmed_account: str | None,
    arm_file: Path,
    wait_for_news: Callable[[float], object] | None = None,
) -> Gateway:
    """The gateway to Alpaca, paper or live.

    `wait_for_news` may end a pause of the walk early. Live needs `confirmed_account` to be the
    number of the account that the keys open, and `arm_file` to hold that number and today's date
    (see `check_armed`).
    """
    if not api_key or not secret_key:
        raise WrongBroker(
            "expected ALPACA_API_KEY and ALPACA_SECRET_KEY for a paper or live account, was unset"
        )
    if live and not confirmed_account:
        raise WrongBroker(
            "trading live needs ALCHEMISER_LIVE set to the number of the live account"
        )
    trading = TradingClient(api_key, secret_key, paper=not live, raw_data=True)
    data = StockHistoricalDataClient(api_key, secret_key, raw_data=True)
    for client in (trading, data):
        client._session.hooks["response"].append(_must_not_be_embedded)
    gateway = Gateway(trading, data, wait=time.sleep, wait_for_news=wait_for_news)
    number = gateway.account().number
    if number.startswith(EMBEDDED_ACCOUNTS):
        raise WrongBroker(f"expected an account at Alpaca, was the embedded account {number}")
    if live and number != confirmed_account:
        raise WrongBroker(
            f"ALCHEMISER_LIVE: expected {number}, the account of these keys, was "
            f"{confirmed_account}"
        )
    if live:
        check_armed(arm_file, number, gateway.clock().now.astimezone(NEW_YORK).date())
    return gateway


class _TimeWaited:
    """Simulated time: it passes only by waiting. `now` is the seconds waited so far."""

    def __init__(self, wait: Callable[[float], object]) -> None:
        self._wait = wait
        self._seconds = 0.0

    def wait(self, seconds: float) -> None:
        self._wait(seconds)
        self._seconds += seconds

    def now(self) -> float:
        return self._seconds


def check_armed(arm_file: Path, account: str, today: date) -> None:
    """Raises NotArmed unless `arm_file` holds "<account number> <date>" of `account` and `today`.

    `today` is the broker's date in New York: arming is for one session, and runs out with it.
    """
    wanted = f"{account} {today}"
    how = f"to trade live today: echo '{wanted}' > {arm_file}"
    if not arm_file.exists():
        raise NotArmed(f"live trading is not armed: there is no {arm_file}; {how}")
    held = arm_file.read_text(encoding="utf-8", errors="replace").split()
    if held != wanted.split():
        raise NotArmed(f"{arm_file}: expected {wanted!r}, was {' '.join(held)!r}; {how}")


def _must_be_embedded(answer: requests.Response, *_: object, **__: object) -> None:
    if EMBEDDED_HEADER not in answer.headers:
        raise WrongBroker(
            f"expected the embedded broker at {answer.url}, was a server without {EMBEDDED_HEADER}"
        )


def _must_not_be_embedded(answer: requests.Response, *_: object, **__: object) -> None:
    if EMBEDDED_HEADER in answer.headers:
        raise WrongBroker(
            f"expected Alpaca at {answer.url}, was an embedded broker ({EMBEDDED_HEADER})"
        )
