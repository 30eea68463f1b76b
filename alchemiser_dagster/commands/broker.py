"""`alchemiser broker`: the embedded broker on its own, for any program that uses alpaca-py."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from alchemiser_dagster.commands.terminal import err, fail
from alchemiser_dagster.embedded import ClockMode, Connection, StateFileError, serve
from alchemiser_dagster.market.bars import BarsError, read_bars
from alchemiser_dagster.market.sessions import (
    last_completed_session,
    session_open,
    sessions_between,
)
from alchemiser_dagster.market.sources import SyntheticSource
from alchemiser_dagster.market.synthetic import instruments
from alchemiser_dagster.settings import SYNTHETIC_SEED

HISTORY = timedelta(days=730)
SESSIONS_TO_PLAY = 20
"""The account is opened this many sessions before the last bar, so that there is time to trade."""


def broker(bars: Path | None, port: int, state: Path) -> None:
    """Serve until interrupted. Each look at the clock or an order lets a second pass."""
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{state.parent} cannot be made: {error.strerror}")
    try:
        table, name = _market(bars)
        latest = table["date"].max()
        assert isinstance(latest, date)
        opening = sessions_between(latest - timedelta(days=60), latest)[-SESSIONS_TO_PLAY]
        err.print(f"Embedded broker on 127.0.0.1: {name}; state in {state}", highlight=False)
        err.print(
            f"The address and keys are in {Connection.path_for(state)}; a new account is opened at "
            f"the open of {opening}. Ctrl-C ends it and loses nothing.",
            highlight=False,
        )
        serve(
            table,
            state,
            opened_at=session_open(opening),
            port=port,
            seed=SYNTHETIC_SEED,
            clock=ClockMode("per_request"),
        )
    except (BarsError, StateFileError) as error:
        fail(str(error))
    except OverflowError:
        fail(f"expected a port from 0 to 65535, was {port}")
    except OSError as error:
        fail(f"cannot serve on port {port}: {error.strerror}")


def _market(bars: Path | None) -> tuple[pl.DataFrame, str]:
    if bars is not None:
        return read_bars(bars), f"bars of {bars}"
    source = SyntheticSource(SYNTHETIC_SEED)
    last = last_completed_session(datetime.now(UTC))
    return source.daily_bars(instruments(), last - HISTORY, last), source.name
