"""What a tearsheet is made from: the published tables of one book, or of the account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from alchemiser_dagster.reports.inputs import (
    ACCOUNT,
    ATTRIBUTION,
    CLOSES,
    EXITS,
    FILLS,
    LOTS,
    MODEL_WEIGHTS,
    PAPER,
    PERFORMANCE,
    empty,
    require,
)
from alchemiser_dagster.reports.returns import Returns, returns_of, returns_of_closes

BENCHMARK_SYMBOL = "SPY"


@dataclass(frozen=True, eq=False)
class TearsheetData:
    """One book. Any of the tables may be without rows; `inputs` has their columns.

    `title` is the strategy's own name, `opened` the session on whose evening the book was given its
    capital, `due` the sessions from then to the last that is published, each of which should have a
    row; `is_synthetic` says that the prices are made up.
    `closes` are those of the symbols held and of the benchmark, where there are any. `attribution`
    is None where nobody reckons it.

    Raises:
        ColumnsMissing: a table lacks a column.
    """

    book: str
    title: str
    is_synthetic: bool
    opened: date | None
    due: Sequence[date] = ()
    performance: pl.DataFrame = field(default_factory=lambda: empty(PERFORMANCE))
    paper: pl.DataFrame = field(default_factory=lambda: empty(PAPER))
    model_weights: pl.DataFrame = field(default_factory=lambda: empty(MODEL_WEIGHTS))
    closes: pl.DataFrame = field(default_factory=lambda: empty(CLOSES))
    lots: pl.DataFrame = field(default_factory=lambda: empty(LOTS))
    exits: pl.DataFrame = field(default_factory=lambda: empty(EXITS))
    fills: pl.DataFrame = field(default_factory=lambda: empty(FILLS))
    attribution: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        require("performance", self.performance, PERFORMANCE)
        require("history", self.paper, PAPER)
        require("weights of history", self.model_weights, MODEL_WEIGHTS)
        require("closes", self.closes, CLOSES)
        require("lots", self.lots, LOTS)
        require("exits", self.exits, EXITS)
        require("fills", self.fills, FILLS)
        if self.attribution is not None:
            require("attribution", self.attribution, ATTRIBUTION)

    @cached_property
    def live(self) -> Returns:
        """What the book has returned."""
        return returns_of("Live", self.performance, "daily_return")

    @property
    def live_start(self) -> date | None:
        """The close at which the index of `live` is 1; None where nobody knows."""
        return _before(self.live, self.opened, self.due)

    @property
    def gaps(self) -> str:
        """How many sessions are published, where that is not all of them."""
        return _gaps(self.due, self.performance)

    @cached_property
    def model(self) -> Returns:
        """What its strategy returned on paper."""
        return returns_of("On paper", self.paper, "net")

    @cached_property
    def benchmark(self) -> Returns:
        """What the benchmark returned; nothing where its closes are not among those given."""
        return benchmark_returns(self.closes)

    @property
    def last_session(self) -> date | None:
        """The last session that is accounted for."""
        return self.performance["date"].max()  # type: ignore[return-value]

    @property
    def last_lots(self) -> pl.DataFrame:
        """What the book holds at the end of it."""
        return _of(self.last_session, self.lots)

    @property
    def last_closes(self) -> pl.DataFrame:
        """The closes of it."""
        return _of(self.last_session, self.closes)


@dataclass(frozen=True, eq=False)
class AccountData:
    """The whole account. Any of the tables may be without rows; `inputs` has their columns.

    `books` is the performance of every book, `account` that of the account, `papers` the strategies
    on paper by book, `due` the sessions from the opening to the last that is published. `pages` has
    the file of each book's own tearsheet. Raises ColumnsMissing.
    """

    name: str
    is_synthetic: bool
    opened: date | None
    due: Sequence[date] = ()
    books: pl.DataFrame = field(default_factory=lambda: empty(PERFORMANCE))
    account: pl.DataFrame = field(default_factory=lambda: empty(ACCOUNT))
    papers: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    closes: pl.DataFrame = field(default_factory=lambda: empty(CLOSES))
    pages: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require("portfolio_performance", self.books, PERFORMANCE)
        require("account_performance", self.account, ACCOUNT)
        require("closes", self.closes, CLOSES)
        for book, paper in self.papers.items():
            require(f"history of {book}", paper, PAPER)

    @cached_property
    def live(self) -> Returns:
        """What the account has returned."""
        return returns_of("Live", self.account, "daily_return")

    @property
    def live_start(self) -> date | None:
        """The close at which the index of `live` is 1; None where nobody knows."""
        return _before(self.live, self.opened, self.due)

    @property
    def gaps(self) -> str:
        """How many sessions are published, where that is not all of them."""
        return _gaps(self.due, self.account)

    @cached_property
    def benchmark(self) -> Returns:
        """What the benchmark returned; nothing where its closes are not among those given."""
        return benchmark_returns(self.closes)

    @property
    def last_session(self) -> date | None:
        """The last session that is accounted for."""
        return self.account["date"].max()  # type: ignore[return-value]


def _before(live: Returns, opened: date | None, due: Sequence[date]) -> date | None:
    """The session before the first of `live`, the opening where nothing is missing in between."""
    if opened is None or not len(live):
        return None
    return max((day for day in (opened, *due) if day < live.sessions[0]), default=None)


def _gaps(due: Sequence[date], rows: pl.DataFrame) -> str:
    published = len({*due} & {*rows["date"]})
    if published == len(due):
        return ""
    return f"{published:,} of {len(due):,} sessions are published"


def _of(session: date | None, table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("date") == pl.lit(session, pl.Date))


def benchmark_returns(closes: pl.DataFrame) -> Returns:
    """The benchmark's returns among the closes of many symbols."""
    return returns_of_closes(BENCHMARK_SYMBOL, closes.filter(pl.col("symbol") == BENCHMARK_SYMBOL))
