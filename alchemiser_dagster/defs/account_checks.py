"""The checks of `account`: what must hold between the books, the broker and the journal.

A check is a function that lists what breaks it; its first lines say what holds when it lists
nothing. Those without which no figure of the account can be believed are blocking: nothing is
published on top of them.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import dagster as dg
from sqlalchemy import Connection

from alchemiser_dagster.books.performance import PriceMissing
from alchemiser_dagster.books.reconciliation import Growth
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.execution import identities
from alchemiser_dagster.execution.reconciliation import reconciliation_of, unexplained
from alchemiser_dagster.ledger import wash_sales as flags

LISTED_MAX = 500
"""Lines that a check keeps of what it found; `found` says how many there were."""

Row = dict[str, str]
"""A line: text by column. Shares and dollars are exact, so they are text too."""


def account_checks(account: dg.AssetsDefinition) -> list[dg.AssetChecksDefinition]:
    """The checks of the asset `account`."""
    return [
        _of_sessions(account, books_sum_to_broker, blocking=True),
        _of_sessions(account, cash_identity),
        _of_sessions(account, pnl_identity),
        _of_sessions(account, reconciliation),
        _of_ledger(account, books_rebuild_from_fills),
        _of_ledger(account, journal_unbroken),
        _of_sessions(account, wash_sales, informs=True),
    ]


def books_sum_to_broker(connection: Connection, session: date) -> list[Row]:
    """All books together hold what the broker holds: every share, every cent."""
    return [
        {
            "what": line.what,
            "books": f"{line.books:f}",
            "broker": f"{line.broker:f}",
            "difference": f"{line.broker - line.books:+f}",
        }
        for line in unexplained(connection, session)
    ]


def cash_identity(connection: Connection, session: date) -> list[Row]:
    """The cash of all books is the broker's; `residual` has been booked so far to make it so."""
    cash = identities.cash_identity(connection, session)
    if cash.holds:
        return []
    return [
        {
            "books": f"{cash.books:f}",
            "broker": f"{cash.broker:f}",
            "difference": f"{cash.broker - cash.books:+f}",
            "residual": f"{cash.residual:f}",
        }
    ]


def pnl_identity(connection: Connection, session: date) -> list[Row]:
    """What the account earned since the session traded before is what its books earned."""
    try:
        earned = identities.pnl_identity(connection, session)
    except PriceMissing as missing:
        return [{"who": "account", "then": "", "now": "", "put in": "", "earned": str(missing)}]
    if earned is None or earned.holds:
        return []
    return [_growth("account", earned.account)] + [
        _growth(book, growth) for book, growth in earned.books.items()
    ]


def reconciliation(connection: Connection, session: date) -> list[Row]:
    """Nothing that the session found between books and broker waits for somebody to look."""
    return [
        {
            "when": row.kind,
            "what": row.what,
            "books": f"{row.books:f}",
            "broker": f"{row.broker:f}",
            "is": row.classification,
            "done": row.resolution,
        }
        for row in reconciliation_of(connection, session)
        if row.breaks
    ]


def books_rebuild_from_fills(connection: Connection) -> list[str]:
    """Lots, exits and cash are those that the facts in the journal give, rebuilt from nothing."""
    return identities.books_not_rebuilt(connection)


def journal_unbroken(connection: Connection) -> list[str]:
    """The hashes of the journal meet, and its rows are in their tables as they were written."""
    return identities.journal_broken(connection)


def wash_sales(connection: Connection, session: date) -> list[Row]:
    """Losses whose shares some book bought within 30 days of the sale; for information only."""
    return [
        {
            "symbol": flag.symbol,
            "book": flag.book,
            "lot": flag.lot_id,
            "sold": flag.session.isoformat(),
            "loss": f"{flag.loss:f}",
            "bought by": flag.replacement_book,
            "bought": flag.replacement_session.isoformat(),
            "bought lot": flag.replacement_lot_id,
        }
        for flag in flags.wash_sales(connection, session)
    ]


def _of_sessions(
    account: dg.AssetsDefinition,
    read: Callable[[Connection, date], list[Row]],
    *,
    blocking: bool = False,
    informs: bool = False,
) -> dg.AssetChecksDefinition:
    """A check of the sessions that are materialised. One that only `informs` passes anyway."""

    @dg.asset_check(asset=account, name=read.__name__, description=read.__doc__, blocking=blocking)
    def check(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> dg.AssetCheckResult:
        sessions = context.op_execution_context.partition_keys
        with records.ledger.read() as connection:
            found = [
                {"session": key} | row
                for key in sessions
                for row in read(connection, as_session(key))
            ]
        return dg.AssetCheckResult(
            passed=informs or not found,
            severity=dg.AssetCheckSeverity.WARN if informs else dg.AssetCheckSeverity.ERROR,
            metadata={"sessions": len(sessions), **_listed(found)},
        )

    return check


def _of_ledger(
    account: dg.AssetsDefinition, read: Callable[[Connection], list[str]]
) -> dg.AssetChecksDefinition:
    """A blocking check of the whole ledger as it is now, whichever sessions are materialised."""

    @dg.asset_check(asset=account, name=read.__name__, description=read.__doc__, blocking=True)
    def check(records: AccountRecords) -> dg.AssetCheckResult:
        with records.ledger.read() as connection:
            found = read(connection)
        return dg.AssetCheckResult(
            passed=not found, metadata=_listed([{"what": line} for line in found])
        )

    return check


def _listed(found: list[Row]) -> dict[str, dg.MetadataValue]:
    columns = [dg.TableColumn(name) for name in (found[0] if found else ())]
    return {
        "found": dg.MetadataValue.int(len(found)),
        "differences": dg.MetadataValue.table(
            [dg.TableRecord(row) for row in found[:LISTED_MAX]], dg.TableSchema(columns)
        ),
    }


def _growth(who: str, growth: Growth) -> Row:
    return {
        "who": who,
        "then": _cents(growth.then),
        "now": _cents(growth.now),
        "put in": _cents(growth.flows),
        "earned": _cents(growth.pnl),
    }


def _cents(dollars: Decimal) -> str:
    return f"{dollars:.2f}"
