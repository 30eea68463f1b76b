"""`published_ledger`, `published_performance` and `published_reports`: copies for other programs.

They exist only where a setting says where to publish to (`settings.publishing`). What they write,
they write from the ledger and the tables, and never the other way round: a copy that fails is a
failed materialisation, and to make it again completes it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import dagster as dg

from alchemiser_dagster.books.money import WEIGHT
from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.following import FOLLOWING
from alchemiser_dagster.defs.partitions import previous_session as session_before
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.defs.tables import TableMissing, files_at
from alchemiser_dagster.market.sessions import previous_session, session_close
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.publishing.comparison import Difference, differences, ledger_says
from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.errors import PublishingInterrupted, PublishingRefused
from alchemiser_dagster.publishing.ledger_publication import (
    account_number,
    ledger_items,
    publish_ledger,
)
from alchemiser_dagster.publishing.performance_publication import publish_performance
from alchemiser_dagster.publishing.reports import publish_reports, session_reports
from alchemiser_dagster.publishing.signal_states import Evening
from alchemiser_dagster.publishing.snapshot_comparison import (
    ledger_figures,
    snapshot_differences,
)
from alchemiser_dagster.settings import Publishing
from alchemiser_dagster.storage import StorageError

GROUP = "published"
PORTFOLIO = ["portfolio_performance"]
ACCOUNT = ["account_performance"]
RETRIES = dg.RetryPolicy(max_retries=3, delay=30, backoff=dg.Backoff.EXPONENTIAL)
"""After 30, 60 and 120 seconds, where the place did not answer or had too much to do."""
LISTED_MAX = 500
"""Lines that a check keeps of what it found."""

Assets = tuple[list[dg.AssetsDefinition], list[dg.AssetChecksDefinition]]


def publishing_assets(
    publishing: Publishing, books: Sequence[Book], partitions: dg.PartitionsDefinition[str]
) -> Assets:
    """The assets, and their checks, that the settings ask for: from none to all."""
    assets: list[dg.AssetsDefinition] = []
    checks: list[dg.AssetChecksDefinition] = []
    for asked, make in (
        (publishing.ledger, _ledger),
        (publishing.performance, _performance),
        (publishing.reports, _reports),
    ):
        if asked is not None:
            made, checked = make(asked, books, partitions)
            assets.append(made)
            checks += checked
    return assets, checks


def _published(
    partitions: dg.PartitionsDefinition[str], kind: str, deps: Sequence[dg.AssetKey | dg.AssetDep]
) -> Callable[[Callable[..., None]], dg.AssetsDefinition]:
    """`dg.asset` with what the three assets have in common."""
    return dg.asset(
        deps=deps,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={kind},
        retry_policy=RETRIES,
        automation_condition=FOLLOWING.ignore(dg.AssetSelection.groups("signal")),
    )


def _ledger(
    name: str, books: Sequence[Book], partitions: dg.PartitionsDefinition[str]
) -> tuple[dg.AssetsDefinition, list[dg.AssetChecksDefinition]]:
    signals = [
        dg.AssetDep(dg.AssetKey(signal_key(book.name)), partition_mapping=session_before)
        for book in books
        if book.enabled
    ]

    @_published(partitions, "dynamodb", [*_after_close(books), *signals])
    def published_ledger(context: dg.AssetExecutionContext, records: AccountRecords) -> None:
        """Trades, lots and signals of the session in DynamoDB, under the keys readers know.

        `docs/published_tables.md` has keys, attributes and indexes.
        """
        with _named(context):
            sessions = [as_session(key) for key in context.partition_keys]
            with records.ledger.read() as connection:
                items = ledger_items(
                    connection,
                    sessions,
                    lambda session: _evening(records, session),
                    records.books(),
                )
            written = publish_ledger(PublishedTable(name), items)
        context.add_output_metadata({"table": name, **written})

    @dg.asset_check(asset=published_ledger)
    def published_matches_ledger(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> dg.AssetCheckResult:
        """The table, read by its indexes to the last page, has what the ledger has.

        Open lots, shares, cost, completed trades and their result, purchases, sales and their
        cash, of every book; and the signals executed in the sessions published.
        """
        sessions = [as_session(key) for key in context.op_execution_context.partition_keys]
        with records.ledger.read() as connection:
            says = ledger_says(connection, sessions)
        made_at = {session: _made_at(session) for session in sessions}
        return _result(lambda: differences(PublishedTable(name), says, made_at, datetime.now(UTC)))

    return published_ledger, [published_matches_ledger]


def _performance(
    name: str, books: Sequence[Book], partitions: dg.PartitionsDefinition[str]
) -> tuple[dg.AssetsDefinition, list[dg.AssetChecksDefinition]]:
    @_published(partitions, "dynamodb", [dg.AssetKey(PORTFOLIO), dg.AssetKey(ACCOUNT)])
    def published_performance(context: dg.AssetExecutionContext, records: AccountRecords) -> None:
        """Every book's snapshot of the session in DynamoDB, and under LATEST the last there is."""
        with _named(context):
            rows = _rows(records, PORTFOLIO, context.partition_keys)
            account = _rows(records, ACCOUNT, context.partition_keys)
            with records.ledger.read() as connection:
                number = account_number(connection)
            written = publish_performance(
                PublishedTable(name), number, rows, {row["date"]: row for row in account}
            )
        context.add_output_metadata({"table": name, **written})

    @dg.asset_check(asset=published_performance)
    def snapshots_match_ledger(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> dg.AssetCheckResult:
        """All snapshots of the sessions published are there, and LATEST is of no session before.

        In the last of the sessions realised P&L, completed trades, open lots and their cost are the
        ledger's. Snapshots that have expired are left out.
        """
        rows = _rows(records, PORTFOLIO, context.op_execution_context.partition_keys)
        with records.ledger.read() as connection:
            figures = ledger_figures(connection, rows)
        return _result(
            lambda: snapshot_differences(PublishedTable(name), rows, figures, datetime.now(UTC))
        )

    return published_performance, [snapshots_match_ledger]


def _reports(
    location: str, books: Sequence[Book], partitions: dg.PartitionsDefinition[str]
) -> tuple[dg.AssetsDefinition, list[dg.AssetChecksDefinition]]:
    @_published(partitions, "csv", [*_after_close(books), dg.AssetKey(PORTFOLIO)])
    def published_reports(context: dg.AssetExecutionContext, records: AccountRecords) -> None:
        """CSV files of the session: performance of all books, open lots, trades."""
        with _named(context):
            files, written = files_at(location), 0
            for key in context.partition_keys:
                rows = _rows(records, PORTFOLIO, [key])
                with records.ledger.read() as connection:
                    reports = session_reports(connection, as_session(key), rows)
                written += publish_reports(files, reports)
        context.add_output_metadata({"location": location, "written": written})

    return published_reports, []


def _after_close(books: Sequence[Book]) -> list[dg.AssetKey]:
    """What of each book must be there first: what it traded, and what it holds."""
    return [dg.AssetKey([stage, book.name]) for book in books for stage in ("fills", "lots")]


def _rows(records: AccountRecords, key: list[str], sessions: Sequence[str]) -> list[dict[str, Any]]:
    return [row for session in sessions for row in records.tables.read(key, session).to_dicts()]


def _made_at(session: date) -> datetime:
    """When the signals traded in a session were made: at the close before it."""
    return session_close(previous_session(session))


def _evening(records: AccountRecords, session: date) -> Evening:
    evening = previous_session(session).isoformat()

    def weights(book: str) -> Mapping[str, Decimal]:
        try:
            signal = records.tables.read(signal_key(book), evening)
        except TableMissing:
            return {}  # the book had no signal, which is why it was not planned
        return {
            broker_symbol(symbol): Decimal(repr(weight)).quantize(WEIGHT)
            for symbol, weight in signal.select("symbol", "weight").iter_rows()
        }

    return Evening(_made_at(session), weights)


@contextmanager
def _named(context: dg.AssetExecutionContext) -> Iterator[None]:
    """A failure that says what was being published; tried again where that can help."""
    keys = context.partition_keys
    span = keys[0] if len(keys) == 1 else f"{keys[0]} to {keys[-1]}"
    what = f"{context.asset_key.to_user_string()} of {span}"
    try:
        yield
    except (PublishingInterrupted, StorageError) as error:
        raise dg.Failure(f"{what}: {error}") from error
    except (PublishingRefused, TableMissing) as error:
        raise dg.Failure(f"{what}: {error}", allow_retries=False) from error


def _result(look: Any) -> dg.AssetCheckResult:
    """The result of a comparison. One that could not be made has not passed."""
    try:
        found: list[Difference] = look()
    except (PublishingInterrupted, PublishingRefused) as error:
        return dg.AssetCheckResult(passed=False, metadata={"not compared": str(error)})
    columns = [dg.TableColumn(name) for name in ("book", "what", "ledger", "published")]
    return dg.AssetCheckResult(
        passed=not found,
        metadata={
            "found": len(found),
            "differences": dg.MetadataValue.table(
                [dg.TableRecord(dict(line)) for line in found[:LISTED_MAX]],
                dg.TableSchema(columns),
            ),
        },
    )
