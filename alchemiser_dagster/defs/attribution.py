"""`attribution/<book>`: why a book earned more or less than its strategy on paper, in dollars.

The formulas are in `books.live_minus_model`. Here floats become decimals, once: what the model
returned and held, and the returns of adjusted closes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import dagster as dg
import polars as pl
from polars.exceptions import ColumnNotFoundError

from alchemiser_dagster.books.book_session import BookSession, Missed, ModelSession, SessionPrices
from alchemiser_dagster.books.bridge import Bridge
from alchemiser_dagster.books.live_minus_model import NotExplained, live_minus_model
from alchemiser_dagster.books.performance import PriceMissing
from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.bars import BARS
from alchemiser_dagster.defs.following import FOLLOWING
from alchemiser_dagster.defs.history import HELD_WEIGHTS, history_key
from alchemiser_dagster.defs.plans import EXACT, closes_of
from alchemiser_dagster.defs.reference import WHOLE
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables, TableMissing, TableStore
from alchemiser_dagster.ledger.live_minus_model import book_sessions
from alchemiser_dagster.market.sessions import previous_session
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing, SnapshotStore
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.total_returns import adjusted_as_of

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "date": pl.Date,
    "component": pl.String,
    "dollars": EXACT,
    "note": pl.String,
}
THIS_AND_PREVIOUS = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=0)


class ModelMissing(Exception):
    """The strategy on paper does not reach the session, or is of an older version."""


UNATTRIBUTABLE = (
    ModelMissing,
    TableMissing,
    NotExplained,
    PriceMissing,
    SnapshotMissing,
    SnapshotDamaged,
)
"""Why there may be no attribution of a book."""


def attribution_key(book: str) -> list[str]:
    """The asset key of a book's attribution."""
    return ["attribution", book]


def attribution_asset(book: Book, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `attribution/<book>`."""

    @dg.asset(
        key=attribution_key(book.name),
        deps=[
            dg.AssetKey(["lots", book.name]),
            dg.AssetKey(history_key(book.name)),
            dg.AssetDep(BARS, partition_mapping=THIS_AND_PREVIOUS),
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="attribution",
        tags={"book": book.name},
        io_manager_key="session_tables",
        automation_condition=FOLLOWING.ignore(dg.AssetSelection.assets(history_key(book.name)))
        & _updated(history_key(book.name)).since(_updated([BARS])),
    )
    def attribution(context: dg.AssetExecutionContext, records: AccountRecords) -> SessionTables:
        """From what the strategy earned on paper to what the book earned, line by line.

        Columns: date, component, dollars (cents; positive is what the book did better), note. The
        first row is the model, the last the book, and the rows between lead from one to the other
        to the cent. No row before the book was opened. `docs/live_minus_model.md` has every line
        with its formula.
        """
        tables = {key: pl.DataFrame(schema=COLUMNS) for key in context.partition_keys}
        try:
            for session, bridge in attributions(records, book.name, context.partition_keys):
                tables[session.isoformat()] = attribution_table(session, bridge)
                context.add_asset_metadata(_metadata(bridge), partition_key=session.isoformat())
        except UNATTRIBUTABLE as error:
            raise dg.Failure(f"{book.name}: {error}", allow_retries=False) from error
        return tables

    return attribution


def _updated(key: Sequence[str]) -> dg.AutomationCondition[dg.AssetKey]:
    """An upstream asset is new. New bars make a new model, and that one is waited for."""
    return dg.AutomationCondition.any_deps_updated().allow(dg.AssetSelection.assets(key))


def attributions(
    records: AccountRecords, book: str, keys: Iterable[str]
) -> Iterable[tuple[date, Bridge]]:
    """The bridges of a book in whole cents, by session. Raises one of `UNATTRIBUTABLE`."""
    sessions = sorted(as_session(key) for key in keys)
    paper = Paper.read(records.tables, book, sessions[0], sessions[-1])
    with records.ledger.read() as connection:
        found = list(book_sessions(connection, book, sessions))
    for one in found:
        prices = session_prices(records.snapshots, one)
        yield one.session, live_minus_model(one, prices, paper.at(one.session)).in_cents()


@dataclass(frozen=True)
class Paper:
    """A strategy on paper in some sessions; before its `first` it earned and held nothing."""

    book: str
    first: date
    last: date
    returns: Mapping[date, tuple[float, float | None]]
    weights: Mapping[date, Mapping[str, Decimal]]

    @classmethod
    def read(cls, tables: TableStore, book: str, first: date, last: date) -> "Paper":
        """Read what the sessions from `first` to `last` need. Raises TableMissing, ModelMissing."""
        key = history_key(book)
        asked = pl.col("date").is_between(first, last)
        whole, held = tables.read(key, WHOLE), tables.read(key, HELD_WEIGHTS)
        try:
            rows = whole.filter(asked).select("date", "gross", "same_close").iter_rows()
        except ColumnNotFoundError as error:
            raise ModelMissing(
                f"{'/'.join(key)}: expected the columns date, gross and same_close, was "
                f"{', '.join(whole.columns)}: materialise it again"
            ) from error
        weights: dict[date, dict[str, Decimal]] = {}
        for session, symbol, weight in held.filter(asked).iter_rows():
            weights.setdefault(session, {})[broker_symbol(symbol)] = _decimal(weight)
        reaches: tuple[date, date] = whole["date"].min(), whole["date"].max()  # type: ignore[assignment]
        return cls(book, *reaches, {day: (gross, at_once) for day, gross, at_once in rows}, weights)

    def at(self, session: date) -> ModelSession:
        """The model in one session. Raises ModelMissing for one after its last."""
        if session > self.last:
            raise ModelMissing(
                f"expected a model history through {session}, was through {self.last}: "
                f"materialise {'/'.join(history_key(self.book))}"
            )
        if session < self.first:
            return ModelSession()
        if session not in self.returns:
            raise ModelMissing(
                f"expected the session {session} in {'/'.join(history_key(self.book))}, which has "
                f"those around it: the source of bars has none of that session"
            )
        gross, at_once = self.returns[session]
        return ModelSession(
            same_close=_decimal(at_once or 0.0),
            gross=_decimal(gross),
            weights=self.weights.get(session, {}),
        )


def session_prices(snapshots: SnapshotStore, book: BookSession) -> SessionPrices:
    """Closes and returns of a session, each from the snapshot of its own evening.

    Raises SnapshotMissing, SnapshotDamaged.
    """
    session, before = book.session, previous_session(book.session)
    now, then = (_adjusted_of(snapshots, session, day) for day in (session, before))
    return SessionPrices(
        closes=closes_of(snapshots, session, session),
        closes_before=closes_of(snapshots, before, before) if book.held_before else {},
        returns={s: _decimal(close / then[s] - 1) for s, close in now.items() if s in then},
        missed=_missed_prices(snapshots, session, before, book.missed),
    )


def _missed_prices(
    snapshots: SnapshotStore, session: date, before: date, missed: Iterable[Missed]
) -> dict[str, Decimal]:
    """What became by `before` of a share at the close of the session in which it was missed."""
    found = {}
    for one in missed:
        close = closes_of(snapshots, one.session, one.session).get(one.symbol)
        then, now = (_adjusted_of(snapshots, session, day) for day in (one.session, before))
        if close is not None and one.symbol in then:
            found[one.symbol] = close * _decimal(now[one.symbol] / then[one.symbol])
    return found


def _adjusted_of(snapshots: SnapshotStore, snapshot: date, session: date) -> dict[str, float]:
    content = snapshots.get(snapshot).sha256
    return _adjusted(snapshots, snapshot, content, session)


@lru_cache(maxsize=2048)
def _adjusted(
    snapshots: SnapshotStore, snapshot: date, content: str, session: date
) -> dict[str, float]:
    # Every book of a run asks for the same ones, one book after the other: two or three a session,
    # so there is room for some years.
    return adjusted_as_of(snapshots.scan(snapshot, content), session)


def _decimal(number: float) -> Decimal:
    """The one crossing from the model's floats to the account's decimals, without rounding."""
    return Decimal(repr(float(number)))


def attribution_table(session: date, bridge: Bridge) -> pl.DataFrame:
    """A bridge as a table, one row a component."""
    return pl.DataFrame(
        [(session, row.component.value, row.dollars, row.note) for row in bridge.rows],
        schema=COLUMNS,
        orient="row",
    )


def _metadata(bridge: Bridge) -> dict[str, float | dg.MarkdownMetadataValue]:
    lines = ["| | dollars | |", "|---|---:|---|"]
    lines += [f"| {row.component} | {row.dollars:+,.2f} | {row.note} |" for row in bridge.rows]
    return {
        "model": float(bridge.model.dollars),
        "live": float(bridge.live.dollars),
        "live minus model": float(bridge.live.dollars - bridge.model.dollars),
        "bridge": dg.MetadataValue.md("\n".join(lines)),
    }
