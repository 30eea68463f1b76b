"""The rules that every row of a bars table keeps.

1. A symbol and a date are there.
2. The date is an NYSE session.
3. There is one row per symbol and date.
4. Prices, adj_close included, are there, finite and above zero; the volume, where known, is
   finite and not negative.
5. low <= open, close <= high, within `ROUNDING`: prices that were stored as float32 or scaled by
   an adjustment factor may miss each other by a few units in the last place.

The same rules serve two readers. A file that a person supplies is refused whole, in the sentences
of `broken_rows`. Bars that a vendor sends are sifted by `first_broken_rule`, so that one symbol's
bad row keeps only that symbol out; `broken_by_symbol` says why.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from alchemiser_dagster.market.sessions import calendar_span, sessions_between

ROUNDING = 1e-6
SHOWN = 3

_PRICES = ("open", "high", "low", "close", "adj_close")


@dataclass(frozen=True)
class Rule:
    """What no row may do.

    `name` is that of the check which reports it (several rules share one), `says` ends the sentence
    "3 rows ...", `shown` are the columns worth showing, and `broken` gives the condition for a
    table that is sorted by symbol and date.
    """

    name: str
    says: str
    shown: tuple[str, ...]
    broken: Callable[[pl.DataFrame], pl.Expr]


def broken_rows(bars: pl.DataFrame) -> list[str]:
    """What is wrong with the rows of `bars`, one sentence per broken rule; empty when sound.

    `bars` has the columns and types of the bars table and is sorted by symbol and date. Each
    sentence counts the rows and shows the first few.
    """
    if bars.is_empty():
        return ["the table has no row"]
    found = ((rule, bars.filter(rule.broken(bars))) for rule in RULES)
    return [_sentence(rule, rows) for rule, rows in found if not rows.is_empty()]


def first_broken_rule(bars: pl.DataFrame) -> pl.Series:
    """The name of the first rule that each row of `bars` breaks, null for a sound row.

    `bars` is as for `broken_rows`. The series is called "rule".
    """
    names = [pl.when(rule.broken(bars)).then(pl.lit(rule.name)) for rule in RULES]
    return bars.select(rule=pl.coalesce(names))["rule"]


def broken_by_symbol(bars: pl.DataFrame) -> pl.DataFrame:
    """The broken rules of each symbol: rule, symbol, date (of the first row), says.

    `bars` is as for `broken_rows`; one row of the result per symbol and name of a rule. The symbol
    is null for rows that carry none.
    """
    found = []
    for rule in RULES:
        rows = bars.filter(rule.broken(bars)).with_columns(
            pl.when(pl.col("symbol") != "").then("symbol")
        )
        for (symbol,), of_symbol in rows.group_by("symbol", maintain_order=True):
            found.append((rule.name, symbol, of_symbol["date"].min(), _sentence(rule, of_symbol)))
    columns = {"rule": pl.String, "symbol": pl.String, "date": pl.Date, "says": pl.String}
    return (
        pl.DataFrame(found, schema=columns, orient="row")
        .group_by("rule", "symbol", maintain_order=True)
        .agg(pl.col("date").min(), pl.col("says").str.join("; and "))
    )


def _nameless(_bars: pl.DataFrame) -> pl.Expr:
    return pl.col("symbol").fill_null("") == ""


def _undated(_bars: pl.DataFrame) -> pl.Expr:
    return pl.col("date").is_null()


def _off_session(bars: pl.DataFrame) -> pl.Expr:
    dates = bars["date"].drop_nulls().unique()
    first, last = calendar_span()
    sessions = pl.Series(sessions_between(first, last), dtype=pl.Date)
    strange = dates.filter(~dates.is_in(sessions.implode()))
    return pl.col("date").is_in(strange.implode())


def _repeated(_bars: pl.DataFrame) -> pl.Expr:
    return (pl.col("symbol") == pl.col("symbol").shift()) & (
        pl.col("date") == pl.col("date").shift()
    )


def _no_price(column: str) -> Rule:
    def broken(_bars: pl.DataFrame) -> pl.Expr:
        price = pl.col(column)
        return (price.is_finite() & (price > 0)).fill_null(False).not_()

    says = f"with {column} not a finite price above 0"
    return Rule("prices", says, ("symbol", "date", column), broken)


def _no_volume(_bars: pl.DataFrame) -> pl.Expr:
    volume = pl.col("volume")
    return (volume.is_finite() & (volume >= 0)).not_()


def _disordered(_bars: pl.DataFrame) -> pl.Expr:
    body_low = pl.min_horizontal("open", "close")
    body_high = pl.max_horizontal("open", "close")
    return (pl.col("low") > body_low * (1 + ROUNDING)) | (
        pl.col("high") < body_high * (1 - ROUNDING)
    )


RULES = (
    Rule("symbols", "without a symbol", ("date",), _nameless),
    Rule("sessions", "without a date, or with an impossible one", ("symbol",), _undated),
    Rule("sessions", "on a date that is no NYSE session", ("symbol", "date"), _off_session),
    Rule("unique", "repeating a symbol and date", ("symbol", "date"), _repeated),
    *(_no_price(column) for column in _PRICES),
    Rule(
        "prices",
        "with a negative or infinite volume",
        ("symbol", "date", "volume"),
        _no_volume,
    ),
    Rule(
        "prices",
        "with low and high not around open and close",
        ("symbol", "date", "open", "high", "low", "close"),
        _disordered,
    ),
)


def _sentence(rule: Rule, rows: pl.DataFrame) -> str:
    shown = [_words(row) for row in rows.select(rule.shown).head(SHOWN).iter_rows(named=True)]
    more = "; ..." if rows.height > SHOWN else ""
    return f"{rows.height} row{'s' * (rows.height > 1)} {rule.says}: {'; '.join(shown)}{more}"


def _words(row: dict[str, object]) -> str:
    keys = [str(row[name]) for name in ("symbol", "date") if name in row]
    rest = [f"{name} {value}" for name, value in row.items() if name not in ("symbol", "date")]
    return " ".join(keys) + (f" ({', '.join(rest)})" if rest else "")
