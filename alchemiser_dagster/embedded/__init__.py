"""An Alpaca-compatible broker on loopback, for the unmodified alpaca-py clients."""

from alchemiser_dagster.embedded.clock import MANUAL, ClockMode
from alchemiser_dagster.embedded.control import ControlClient, ControlError
from alchemiser_dagster.embedded.matching import PAPER, REALISTIC, Profile
from alchemiser_dagster.embedded.serve import Connection, EmbeddedBroker, serve
from alchemiser_dagster.embedded.store import StateFileError

__all__ = [
    "MANUAL",
    "PAPER",
    "REALISTIC",
    "ClockMode",
    "Connection",
    "ControlClient",
    "ControlError",
    "EmbeddedBroker",
    "Profile",
    "StateFileError",
    "serve",
]
