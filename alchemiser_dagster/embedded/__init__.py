"""An Alpaca-compatible broker on loopback, for the unmodified alpaca-py clients.

    with EmbeddedBroker(bars, Path("broker.sqlite"), opened_at=monday_at_ten) as broker:
        client = TradingClient(broker.api_key, broker.secret_key, url_override=broker.url)
        client.submit_order(...)
        broker.control().advance_to("next_close")

One origin serves the trading API, the data APIs, the trading stream, and `/_sim`, which moves the
clock and injects faults. A request passes through these, each a file or a few:

    gate            who may come in; counting; the mark on every answer
    fault_injection what goes wrong on purpose (rules: `faults`)
    api_*           HTTP to calls and back (wire forms: `views`, `schemas`, `openapi`)
    brokerage       one account: units of work, committed before they are answered
    order_desk      accepts, cancels, replaces, by `order_fields`, `rules`, `option_rules`
    venue           brings orders to the market, by `matching` or `realistic`
    timeline        what happens while the clock moves: opens, minutes, closes, expiry
    bookkeeping     fills to positions and cash (the cash rule: `account`)
    attached_orders bracket, OCO and OTO; `splits` and `busts` change what was there before
    in_process      the same without server, thread or file, for thousands of sessions
    store           SQLite; equal requests from an equal start make equal files
    market          prices from daily bars (`paths`, `option_market`), nothing of the future

What it does not do: minute bars, watchlists, news, crypto, changes of name. Splits occur where the
bars have a column `split` (see `bars` and `splits`). Buying power is checked when an order is sent,
not when it fills, so that a market order queued overnight can leave cash below zero.
"""

from alchemiser_dagster.embedded.clock import MANUAL, ClockMode
from alchemiser_dagster.embedded.control import ControlClient, ControlError
from alchemiser_dagster.embedded.faults import FaultRuleError, read_rules
from alchemiser_dagster.embedded.in_process import InProcessBroker
from alchemiser_dagster.embedded.matching import CASH_STRICT, PAPER, PROFILES, REALISTIC, Profile
from alchemiser_dagster.embedded.serve import Connection, EmbeddedBroker, serve
from alchemiser_dagster.embedded.store import StateFileError

__all__ = [
    "CASH_STRICT",
    "MANUAL",
    "PAPER",
    "PROFILES",
    "REALISTIC",
    "ClockMode",
    "Connection",
    "ControlClient",
    "ControlError",
    "EmbeddedBroker",
    "FaultRuleError",
    "InProcessBroker",
    "Profile",
    "StateFileError",
    "read_rules",
    "serve",
]
