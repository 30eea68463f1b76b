"""Tables of what a book holds and what it has traded."""

from datetime import datetime
from decimal import Decimal

from alchemiser_dagster.reports.data import TearsheetData
from alchemiser_dagster.reports.numbers import day, dollars, number, shares
from alchemiser_dagster.reports.table import (
    Cell,
    Table,
    gained,
    number_columns,
    returned,
    text_columns,
)

SHOWN = 200
"""Rows of a table; the tables of the account have the rest."""


def open_lots_table(data: TearsheetData) -> Table:
    """The lots of the last session, at its closes."""
    prices = {
        symbol: Decimal(str(round(close, 4)))
        for symbol, close in data.last_closes.select("symbol", "close").iter_rows()
    }
    held = data.last_lots.sort("symbol", "entry_at")
    rows = []
    for lot in held.iter_rows(named=True):
        price = prices.get(lot["symbol"])
        value = None if price is None else lot["quantity"] * price
        gain = None if value is None else value - lot["cost"]
        rows.append(
            [
                Cell(lot["symbol"]),
                Cell(day(lot["entry_at"])),
                Cell(shares(lot["quantity"])),
                Cell(dollars(lot["entry_price"])),
                Cell(dollars(lot["cost"])),
                Cell(dollars(price)),
                Cell(dollars(value)),
                gained(gain),
                returned(gain / lot["cost"] if gain is not None and lot["cost"] else None),
            ]
        )
    return Table(
        heading="Open lots",
        columns=[
            *text_columns("symbol", "bought"),
            *number_columns(
                "shares", "price paid", "cost", "last close", "value", "unrealised", "return"
            ),
        ],
        rows=rows[:SHOWN],
        empty="The book holds nothing.",
        note=_cut(len(rows), "lots"),
    )


def closed_lots_table(data: TearsheetData) -> Table:
    """What was sold of every lot, the latest first."""
    rows = []
    for row in data.exits.sort("exited_at", descending=True).head(SHOWN).iter_rows(named=True):
        gain = row["proceeds"] - row["cost"]
        rows.append(
            [
                Cell(row["symbol"]),
                Cell(day(row["entry_at"])),
                Cell(day(row["exited_at"])),
                Cell(number(_days(row["entry_at"], row["exited_at"]), 0)),
                Cell(shares(row["quantity"])),
                Cell(dollars(row["cost"])),
                Cell(dollars(row["proceeds"])),
                gained(gain),
                returned(gain / row["cost"] if row["cost"] else None),
            ]
        )
    return Table(
        heading="Closed lots",
        columns=[
            *text_columns("symbol", "bought", "sold"),
            *number_columns("days held", "shares", "cost", "proceeds", "profit or loss", "return"),
        ],
        rows=rows,
        empty="Nothing has been sold yet.",
        note=_cut(data.exits.height, "exits"),
    )


def fills_table(data: TearsheetData) -> Table:
    """Purchases and sales as they were filled, the latest first; what is bought costs cash."""
    latest = data.fills.sort("executed_at", descending=True).head(SHOWN)
    rows = [
        [
            Cell(row["symbol"]),
            Cell(f"{row['executed_at']:%Y-%m-%d %H:%M}"),
            Cell(side),
            Cell("another book" if row["cross_id"] else "the market"),
            Cell(shares(row["quantity"])),
            Cell(dollars(row["price"], 4)),
            Cell(dollars(-row["cash"] if side == "buy" else row["cash"], sign=True)),
        ]
        for row in latest.iter_rows(named=True)
        for side in [row["side"].lower()]
    ]
    return Table(
        heading="Trades",
        columns=[
            *text_columns("symbol", "filled (UTC)", "side", "with"),
            *number_columns("shares", "price", "cash"),
        ],
        rows=rows,
        empty="Nothing has been traded yet.",
        note=_cut(data.fills.height, "fills"),
    )


def _days(bought: datetime, sold: datetime) -> int:
    return (sold.date() - bought.date()).days


def _cut(count: int, what: str) -> str:
    return f"The latest {SHOWN} of {count:,} {what}." if count > SHOWN else ""
