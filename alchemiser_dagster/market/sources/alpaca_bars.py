"""Requests for daily bars at Alpaca, and what the answers say.

Daily bars are stamped with midnight New York. alpaca-py takes a naive datetime for UTC, which is
four or five hours off and loses the last bar; hence windows are aware, from the midnight of the
first session to the last microsecond of the last one, New York time. A window never reaches
into the last minutes before now, which the SIP feed refuses to accounts on the free plan.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from alchemiser_dagster.market.bars import BARS_SCHEMA
from alchemiser_dagster.market.sessions import NEW_YORK, aware
from alchemiser_dagster.market.sources.interface import SourceError

SETTLE = timedelta(minutes=15)
"""How long after the close a daily bar may still change; also the age from which the free plan
may read the SIP feed."""

FIELDS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
ANSWER_SCHEMA = pl.Schema(
    {"symbol": pl.String(), "date": pl.Date()} | dict.fromkeys(FIELDS, pl.Float64())
)


_OTHER_FORMS = (TypeError, ValueError, KeyError, AttributeError, OverflowError, PolarsError)
"""What reading an answer raises that is not of the documented form."""


def request_window(first: date, last: date, now: datetime) -> tuple[datetime, datetime]:
    """Start and end, aware, of a request for the daily bars from `first` to `last`."""
    start = datetime.combine(first, time.min, NEW_YORK)
    end = datetime.combine(last + timedelta(days=1), time.min, NEW_YORK) - timedelta(microseconds=1)
    return start, min(end, aware(now) - SETTLE)


def session_of(stamp: str) -> date:
    """The session of a daily bar; raises ValueError unless the stamp is a midnight in New York.

    >>> session_of("2026-01-15T05:00:00Z"), session_of("2026-07-15T04:00:00Z")
    (datetime.date(2026, 1, 15), datetime.date(2026, 7, 15))
    """
    moment = aware(datetime.fromisoformat(stamp)).astimezone(NEW_YORK)
    if moment.time() != time.min:
        raise ValueError(f"expected a bar stamped with midnight New York, was {stamp}")
    return moment.date()


def rows_of(answer: Any, name: str) -> pl.DataFrame:
    """The bars of an answer without alpaca-py's models, in its order: symbol, date, open to volume.

    Raises SourceError, `name` in it, for an answer that is not of the documented form.
    """
    try:
        symbols = [symbol for symbol, bars in answer.items() for _ in bars]
        rows = [bar for bars in answer.values() for bar in bars]
        stamps = [row["t"] for row in rows]
        sessions = {stamp: session_of(stamp) for stamp in set(stamps)}
        columns = {column: [row[field] for row in rows] for column, field in FIELDS.items()}
        dates = [sessions[stamp] for stamp in stamps]
        return pl.DataFrame({"symbol": symbols, "date": dates, **columns}, ANSWER_SCHEMA)
    except _OTHER_FORMS as error:
        said = next(iter(str(error).splitlines()), "")
        raise SourceError(
            f"{name}: expected bars by symbol, each with a time t, prices o, h, l, c and a volume "
            f"v, was {type(error).__name__}: {said}; Alpaca's answers may have changed"
        ) from error


def paired(traded: pl.DataFrame, adjusted: pl.DataFrame) -> pl.DataFrame:
    """Unadjusted and adjusted bars of the same sessions as one bars table, unsorted.

    A bar that is there only once keeps null for what the other would say, and one that came twice
    stays twice: both are for the rules of the table to find.
    """
    key = ["symbol", "date", "nth"]
    nth = pl.int_range(pl.len()).over("symbol", "date").alias("nth")
    adj_close = adjusted.select("symbol", "date", nth, adj_close="close")
    both = traded.with_columns(nth).join(adj_close, on=key, how="full", coalesce=True)
    return both.select(BARS_SCHEMA.names())
