"""`python -m alchemiser_dagster.embedded`: the broker in the foreground."""

import argparse
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from alchemiser_dagster.embedded.clock import ClockMode
from alchemiser_dagster.embedded.faults import read_rules
from alchemiser_dagster.embedded.matching import PROFILES
from alchemiser_dagster.embedded.serve import serve
from alchemiser_dagster.embedded.store import StateFileError
from alchemiser_dagster.market.bars import BarsError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m alchemiser_dagster.embedded",
        description="An Alpaca-compatible broker on 127.0.0.1, its market made from daily bars.",
    )
    parser.add_argument("--bars", type=Path, required=True, help="parquet file of daily bars")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file of the account")
    parser.add_argument(
        "--at",
        type=datetime.fromisoformat,
        required=True,
        metavar="ISO",
        help="when the account is opened, with zone: 2024-01-02T15:45-05:00",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--cash", type=Decimal, default=Decimal(100000), help="opening cash")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--clock", choices=("manual", "per_request", "scaled"), default="manual")
    parser.add_argument("--step", type=float, default=1.0, help="seconds per reading, per_request")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second")
    parser.add_argument("--profile", choices=tuple(PROFILES), default="paper")
    parser.add_argument("--faults", type=Path, help="TOML file of fault rules: [[fault]] tables")
    parser.add_argument("--rate-limit", type=int, help="requests per minute")
    given = parser.parse_args()
    clock = ClockMode(given.clock, timedelta(seconds=given.step), given.speed)
    try:
        serve(
            pl.read_parquet(given.bars),
            given.state,
            opened_at=given.at,
            port=given.port,
            opening_cash=given.cash,
            seed=given.seed,
            clock=clock,
            profile=PROFILES[given.profile],
            rate_limit=given.rate_limit,
            faults=read_rules(given.faults) if given.faults else (),
        )
    except (BarsError, StateFileError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
