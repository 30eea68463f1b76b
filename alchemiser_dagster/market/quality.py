"""The rules that every row of a bars table keeps.

1. A symbol and a date are there.
2. The date is an NYSE session.
3. There is one row per symbol and date.
4. Prices, adj_close included, are there, finite and above zero; the volume, where known, is
   finite and not negative.
5. low <= open, close <= high, within `ROUNDING`: prices that were stored as float32 or scaled by
   an adjustment factor may miss each other by a few units in the last place.
"""

from collections.abc import Iterator

import polars as pl

from alchemiser_dagster.market.sessions import calendar_span, sessions_between

ROUNDING = 1e-6
SHOWN = 3

_PRICES = ("open", "high", "low", "close", "adj_close")


def broken_rows(bars: pl.DataFrame) -> list[str]:
    """What is wrong with the rows of `bars`, one sentence per broken rule; empty when sound.

    `bars` has the columns and types of the bars table and is sorted by symbol and date. Each
    sentence counts the rows and shows the first few.
    """
    if bars.is_empty():
        return ["the table has no row"]
    nameless = bars.filter(pl.col("symbol").fill_null("") == "")
    undated = bars.filter(pl.col("date").is_null())
    rules = [
        _sentence("without a symbol", nameless, ("date",)),
        _sentence("without a date, or with an impossible one", undated, ("symbol",)),
        _sentence("on a date that is no NYSE session", _off_session(bars), ("symbol", "date")),
        _sentence("repeating a symbol and date", _repeated(bars), ("symbol", "date")),
        *_bad_numbers(bars),
        _sentence(
            "with low and high not around open and close",
            _disordered(bars),
            ("symbol", "date", "open", "high", "low", "close"),
        ),
    ]
    return [sentence for sentence in rules if sentence]


def _off_session(bars: pl.DataFrame) -> pl.DataFrame:
    dates = bars["date"].drop_nulls().unique()
    first, last = calendar_span()
    sessions = pl.Series(sessions_between(first, last), dtype=pl.Date)
    strange = dates.filter(~dates.is_in(sessions.implode()))
    return bars.filter(pl.col("date").is_in(strange.implode()))


def _repeated(bars: pl.DataFrame) -> pl.DataFrame:
    key = (pl.col("symbol") == pl.col("symbol").shift()) & (
        pl.col("date") == pl.col("date").shift()
    )
    return bars.filter(key)


def _bad_numbers(bars: pl.DataFrame) -> Iterator[str]:
    for column in _PRICES:
        price = pl.col(column)
        bad = bars.filter((price.is_finite() & (price > 0)).fill_null(False).not_())
        yield _sentence(
            f"with {column} not a finite price above 0", bad, ("symbol", "date", column)
        )
    volume = pl.col("volume")
    bad = bars.filter((volume.is_finite() & (volume >= 0)).not_())
    yield _sentence("with a negative or infinite volume", bad, ("symbol", "date", "volume"))


def _disordered(bars: pl.DataFrame) -> pl.DataFrame:
    body_low = pl.min_horizontal("open", "close")
    body_high = pl.max_horizontal("open", "close")
    return bars.filter(
        (pl.col("low") > body_low * (1 + ROUNDING)) | (pl.col("high") < body_high * (1 - ROUNDING))
    )


def _sentence(rule: str, rows: pl.DataFrame, columns: tuple[str, ...]) -> str:
    if rows.is_empty():
        return ""
    shown = [_words(row) for row in rows.select(columns).head(SHOWN).iter_rows(named=True)]
    more = "; ..." if rows.height > SHOWN else ""
    return f"{rows.height} row{'s' * (rows.height > 1)} {rule}: {'; '.join(shown)}{more}"


def _words(row: dict[str, object]) -> str:
    keys = [str(row[name]) for name in ("symbol", "date") if name in row]
    rest = [f"{name} {value}" for name, value in row.items() if name not in ("symbol", "date")]
    return " ".join(keys) + (f" ({', '.join(rest)})" if rest else "")
