"""Connecting to the right broker, or to none.

Embedded orders must never reach a real broker, and real orders never a simulated one. So the
embedded mode insists on a loopback address and on a server that says it is embedded, with keys of
its own; paper and live insist on the contrary; live also wants the account number said twice.
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient

from alchemiser_dagster.execution.gateway import Gateway

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
EMBEDDED_ACCOUNTS = "EMB"


class WrongBroker(Exception):
    """The broker at the other end is not the one that was meant."""


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
    gateway = Gateway(trading, data, wait=wait)
    number = gateway.account().number
    if not number.startswith(EMBEDDED_ACCOUNTS):
        raise WrongBroker(f"expected an embedded account ({EMBEDDED_ACCOUNTS}...), was {number}")
    return gateway


def real_gateway(
    api_key: str | None, secret_key: str | None, *, live: bool, confirmed_account: str | None
) -> Gateway:
    """The gateway to Alpaca, paper or live.

    Live needs `confirmed_account` to be the number of the account that the keys open.
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
    gateway = Gateway(trading, data, wait=time.sleep)
    number = gateway.account().number
    if number.startswith(EMBEDDED_ACCOUNTS):
        raise WrongBroker(f"expected an account at Alpaca, was the embedded account {number}")
    if live and number != confirmed_account:
        raise WrongBroker(
            f"ALCHEMISER_LIVE: expected {number}, the account of these keys, was "
            f"{confirmed_account}"
        )
    return gateway
