"""What the synthetic market lists: `instruments.csv`, read and checked.

Columns of the file:

==============  ===============================================================================
symbol          the broker's spelling
kind            fund, stock, or multiple (a leveraged or inverse fund)
price           the close on the anchor session, in dollars
turnover        millions of dollars traded in a usual session, at the anchor price
own_volatility  fund, stock: volatility that no factor explains, in per cent a year
loadings        fund, stock: `factor:beta ...`
index           multiple: the symbol whose daily return it multiplies
multiple        multiple: by how much, -3 to 3
name            full name, for people
==============  ===============================================================================

Tickers, names and mandates are the real ones; loadings, volatilities and price levels are round
numbers chosen by hand, not estimates.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast, get_args

from alchemiser_dagster.market.synthetic.factors import FACTOR_NAMES

Kind = Literal["fund", "stock", "multiple"]
LARGEST_MULTIPLE = 3


@dataclass(frozen=True, slots=True)
class Instrument:
    """One line of the file; see the module for the units."""

    symbol: str
    kind: Kind
    price: float
    turnover: float
    own_volatility: float
    loadings: tuple[tuple[str, float], ...]
    index: str
    multiple: float
    name: str


class InstrumentError(ValueError):
    """A line of the instruments table that makes no sense."""


@cache
def instruments() -> dict[str, Instrument]:
    """All instruments by symbol, in the order of the file."""
    text = files(__package__).joinpath("instruments.csv").read_text(encoding="utf-8")
    listed = [_instrument(row) for row in csv.DictReader(text.splitlines())]
    table = {instrument.symbol: instrument for instrument in listed}
    if len(table) < len(listed):
        raise InstrumentError("instruments.csv: expected each symbol once")
    for instrument in listed:
        if instrument.kind == "multiple" and table[instrument.index].kind == "multiple":
            raise InstrumentError(
                f"instruments.csv: {instrument.symbol}: expected a fund or a stock as index, "
                f"was the multiple {instrument.index}"
            )
    return table


def _instrument(row: dict[str, str]) -> Instrument:
    loadings = [pair.split(":") for pair in row["loadings"].split()]
    instrument = Instrument(
        symbol=row["symbol"],
        kind=_kind(row),
        price=float(row["price"]),
        turnover=float(row["turnover"]),
        own_volatility=float(row["own_volatility"] or 0),
        loadings=tuple((factor, float(beta)) for factor, beta in loadings),
        index=row["index"],
        multiple=float(row["multiple"] or 0),
        name=row["name"],
    )
    if problem := _problem(instrument):
        raise InstrumentError(f"instruments.csv: {instrument.symbol}: {problem}")
    return instrument


def _kind(row: dict[str, str]) -> Kind:
    for kind in get_args(Kind):
        if row["kind"] == kind:
            return cast(Kind, kind)
    raise InstrumentError(
        f"instruments.csv: {row['symbol']}: expected kind fund, stock or multiple, "
        f"was {row['kind']!r}"
    )


def _problem(instrument: Instrument) -> str:
    if instrument.price <= 0 or instrument.turnover <= 0:
        return "expected a price and a turnover above 0"
    unknown = [factor for factor, _ in instrument.loadings if factor not in FACTOR_NAMES]
    if unknown:
        return f"expected loadings on known factors, was {', '.join(unknown)}"
    match instrument.kind:
        case "fund" | "stock":
            if instrument.index or instrument.multiple:
                return "expected no index and no multiple"
        case "multiple":
            if not instrument.index or not 0 < abs(instrument.multiple) <= LARGEST_MULTIPLE:
                return f"expected an index and a multiple from -{LARGEST_MULTIPLE} to 3"
            if instrument.loadings or instrument.own_volatility:
                return "expected neither loadings nor volatility of its own"
    return ""
