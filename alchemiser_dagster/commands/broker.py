"""`alchemiser broker`: the embedded broker on its own, for any program that uses alpaca-py."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from alchemiser_dagster.commands.terminal import err, fail
from alchemiser_dagster.embedded import (
    ClockMode,
    Connection,
    FaultRuleError,
    Profile,
    StateFileError,
    read_rules,
    serve,
)
from alchemiser_dagster.embedded.traded_prices import traded_prices
from alchemiser_dagster.market.bars import BarsError, read_bars
from alchemiser_dagster.market.sessions import (
    last_completed_session,
    session_open,
    sessions_between,
)
from alchemiser_dagster.market.sources import FileSource, SourceError, SyntheticSource
from alchemiser_dagster.market.synthetic import instruments
from alchemiser_dagster.settings import SYNTHETIC_SEED

HISTORY = timedelta(days=730)
MOST_SECONDS = 86_400
SESSIONS_TO_PLAY = 20
"""The account is opened this many sessions before the last bar, so that there is time to trade."""


def broker(
    bars: Path | None,
    port: int,
    state: Path,
    clock: ClockMode,
    profile: Profile,
    faults: Path | None,
) -> None:
    """Serve until interrupted."""
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{state.parent} cannot be made: {error.strerror}")
    try:
        rules = read_rules(faults) if faults is not None else ()
        table, name = _market(bars)
        latest = table["date"].max()
        assert isinstance(latest, date)
        opening = sessions_between(latest - timedelta(days=60), latest)[-SESSIONS_TO_PLAY]
        err.print(f"Embedded broker on 127.0.0.1: {name}; state in {state}", highlight=False)
        err.print(
            f"Fills are {profile.name}, the clock is {clock.kind}, "
            f"fault rules in force: {len(rules)}.",
            highlight=False,
        )
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
            clock=clock,
            profile=profile,
            faults=rules,
        )
    except (BarsError, SourceError, StateFileError, FaultRuleError) as error:
        fail(str(error))
    except OverflowError:
        fail(f"expected a port from 0 to 65535, was {port}")
    except OSError as error:
        fail(f"cannot serve on port {port}: {error.strerror}")


def clock_mode(text: str) -> ClockMode:
    """The clock named by `--clock`: a kind and, after a colon, its seconds or its speed.

    Raises ValueError for any other text.
    """
    kind, _, number = text.partition(":")
    match kind:
        case "manual" if not number:
            return ClockMode("manual")
        case "per_request":
            return ClockMode("per_request", step=timedelta(seconds=_positive(number or "1")))
        case "scaled":
            return ClockMode("scaled", speed=_positive(number or "1"))
    raise ValueError(f"expected manual, per_request[:SECONDS] or scaled[:SPEED], was {text!r}")


def market_of_file(path: Path) -> pl.DataFrame:
    """The bars of a file at the prices of the day, with its splits, if it has a column of them.

    Raises:
        BarsError, SourceError: the file cannot be used; the message names it.
    """
    table = read_bars(path)
    first, last = table["date"].min(), table["date"].max()
    symbols = table["symbol"].unique().to_list()
    actions = FileSource(path).corporate_actions(symbols, first, last)  # type: ignore[arg-type]
    if actions is None:
        return table
    splits = actions.filter(kind="split").select("symbol", date="ex_date", split="ratio")
    try:
        return traded_prices(table, splits)
    except BarsError as error:
        raise BarsError(f"{path}: {error}") from error


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MOST_SECONDS:
        raise ValueError(f"expected a number above 0, at most {MOST_SECONDS}, was {text!r}")
    return number


def _market(bars: Path | None) -> tuple[pl.DataFrame, str]:
    if bars is not None:
        return market_of_file(bars), f"bars of {bars}"
    source = SyntheticSource(SYNTHETIC_SEED)
    last = last_completed_session(datetime.now(UTC))
    return source.daily_bars(instruments(), last - HISTORY, last), source.name
