"""The checks of `account`, over a ledger in which one thing after another is made untrue."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Connection, insert, update

from alchemiser_dagster.defs import account_checks
from alchemiser_dagster.defs.account import account_assets
from alchemiser_dagster.defs.equity_history import EquityHistory
from alchemiser_dagster.defs.partitions import session_partitions
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import SessionTablesIOManager
from alchemiser_dagster.ledger.schema import (
    account_snapshots,
    cash_entries,
    fills,
    journal,
    lots,
    reconciliation_items,
    snapshot_positions,
)
from alchemiser_dagster.settings import Home
from tests.execution.ended import two_sessions
from tests.ledger.traded import Traded, moment

OF_SESSIONS = (
    account_checks.books_sum_to_broker,
    account_checks.cash_identity,
    account_checks.pnl_identity,
    account_checks.reconciliation,
    account_checks.wash_sales,
)
OF_LEDGER = (account_checks.books_rebuild_from_fills, account_checks.journal_unbroken)


def materialise(
    folder: Path, change: Callable[[Connection], object] | None = None, *, last: str = "2026-11-05"
) -> dict[str, dg.AssetCheckEvaluation]:
    """Trade, make something untrue, and materialise the sessions up to `last`; checks by name."""
    home = Home(folder)
    traded = Traded.at(f"sqlite:///{home.ledger}")
    two_sessions(traded)
    if change is not None:
        with traded.ledger.write() as connection:
            change(connection)
    traded.ledger.close()
    assets, checks = account_assets(session_partitions(moment(3).date()))
    records = AccountRecords(home=str(folder), strategies=str(folder))
    result = dg.materialize(
        [*assets, *checks],
        selection=dg.AssetSelection.assets("account"),
        resources={
            "records": records,
            "equity": EquityHistory(records=records),
            "session_tables": SessionTablesIOManager(root=str(home.tables)),
        },
        tags={
            "dagster/asset_partition_range_start": "2026-11-03",
            "dagster/asset_partition_range_end": last,
        },
        raise_on_error=False,
    )
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def failed(found: dict[str, dg.AssetCheckEvaluation]) -> set[str]:
    return {name for name, check in found.items() if not check.passed}


def lines(check: dg.AssetCheckEvaluation) -> list[dict[str, object]]:
    """The rows that a check lists."""
    table = check.metadata["differences"]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


def test_all_checks_pass_where_everything_is_true(tmp_path: Path) -> None:
    found = materialise(tmp_path)
    assert set(found) == {check.__name__ for check in (*OF_SESSIONS, *OF_LEDGER)}
    assert failed(found) == set()
    assert found["books_sum_to_broker"].metadata["sessions"].value == 3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            lambda c: c.execute(
                update(snapshot_positions)
                .where(snapshot_positions.c.session == moment(4).date())
                .values(quantity=Decimal(10))
            ),
            {"books_sum_to_broker"},
            id="shares at the broker",
        ),
        pytest.param(
            lambda c: c.execute(
                update(account_snapshots)
                .where(account_snapshots.c.session == moment(5).date())
                .values(cash=Decimal(100_000))
            ),
            {"books_sum_to_broker", "cash_identity"},
            id="cash at the broker",
        ),
        pytest.param(
            lambda c: c.execute(
                update(account_snapshots)
                .where(account_snapshots.c.session == moment(5).date())
                .values(equity=Decimal(110_000))
            ),
            {"pnl_identity"},
            id="equity",
        ),
        pytest.param(
            lambda c: c.execute(
                update(reconciliation_items)
                .where(reconciliation_items.c.what == "XYZ")
                .values(classification="shortfall", breaks=True)
            ),
            {"reconciliation"},
            id="a break",
        ),
        pytest.param(
            lambda c: c.execute(update(lots).values(cost=Decimal(1))),
            {"books_rebuild_from_fills"},
            id="a lot",
        ),
        pytest.param(
            lambda c: c.execute(update(fills).values(price=Decimal(1))),
            {"journal_unbroken"},
            id="a fill",
        ),
        pytest.param(
            lambda c: c.execute(
                update(journal).where(journal.c.sequence == 1).values(hash="0" * 63 + "1")
            ),
            {"journal_unbroken"},
            id="the journal",
        ),
    ],
)
def test_what_is_untrue_is_listed_by_the_check_that_says_so(
    tmp_path: Path, change: Callable[[Connection], object], expected: set[str]
) -> None:
    traded = Traded.at(f"sqlite:///{tmp_path / 'ledger.db'}")
    two_sessions(traded)
    with traded.ledger.write() as connection:
        change(connection)
    with traded.ledger.read() as connection:
        found = {
            check.__name__: [
                line for day in (3, 4, 5) for line in check(connection, moment(day).date())
            ]
            for check in OF_SESSIONS
        } | {check.__name__: check(connection) for check in OF_LEDGER}
    assert {name for name, listed in found.items() if listed} == expected
    traded.ledger.close()


def test_a_check_lists_what_breaks_it(tmp_path: Path) -> None:
    def take_a_cent(connection: Connection) -> None:
        connection.execute(
            insert(cash_entries).values(
                book="a", session=moment(4).date(), kind="fee", source_id="F1",
                amount=Decimal("-0.01"), at=moment(4),
            )
        )  # fmt: skip

    found = materialise(tmp_path, take_a_cent)
    assert lines(found["books_sum_to_broker"]) == [
        {"session": f"2026-11-0{day}", "what": "cash", "books": books, "broker": broker,
         "difference": "+0.01"}
        for day, books, broker in [(4, "103894.99", "103895.00"), (5, "103894.99", "103895.00")]
    ]  # fmt: skip
    assert lines(found["journal_unbroken"]) == [
        {"what": "cash_entries, row (fee, F1, a): is in the table and not in the journal"}
    ]
    assert {line["what"] for line in lines(found["books_rebuild_from_fills"])} == {
        "a, cash: recorded 62615.99, rebuilt 62616.00"
    }
    assert found["books_sum_to_broker"].metadata["found"].value == 2


def test_sessions_that_are_not_materialised_are_not_checked(tmp_path: Path) -> None:
    def break_the_fifth(connection: Connection) -> None:
        connection.execute(
            update(account_snapshots)
            .where(account_snapshots.c.session == moment(5).date())
            .values(cash=Decimal(1), equity=Decimal(1))
        )

    assert failed(materialise(tmp_path, break_the_fifth, last="2026-11-04")) == set()


def test_wash_sales_are_listed_and_fail_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    traded = Traded.at(f"sqlite:///{home.ledger}")
    traded.trade(2, "a buy 1 ABC @ 50.00")
    traded.trade(3, "a sell 1 ABC @ 40.00")
    traded.trade(3, "b buy 1 ABC @ 41.00")
    traded.ledger.close()
    check = materialise(tmp_path)["wash_sales"]
    assert check.passed
    assert [(line["book"], line["loss"], line["bought by"]) for line in lines(check)] == [
        ("a", "10.00", "b")
    ]
