"""All of the project as Dagster sees it: one chain of assets per book, the trading job between.

universe ─► daily_bars ─► signal/<book> ─► plan/<book> ─► trading_session ─► fills ─► lots ─► perf.
             bar_findings ─┘    └─► consolidated_portfolio       └─► account (books_sum_to_broker)
"""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from alchemiser_dagster.books.strategies import Book, load_books
from alchemiser_dagster.defs.account import account_assets
from alchemiser_dagster.defs.accounting import TRADED, book_accounts
from alchemiser_dagster.defs.after_close import reconcile_after_close_job
from alchemiser_dagster.defs.attribution import attribution_asset
from alchemiser_dagster.defs.automation import (
    after_close_automation,
    asset_jobs,
    market_calendar_sensor,
)
from alchemiser_dagster.defs.bar_checks import bar_checks
from alchemiser_dagster.defs.bar_findings import bar_findings_asset
from alchemiser_dagster.defs.bars import bar_assets
from alchemiser_dagster.defs.cross_check import second_source_asset
from alchemiser_dagster.defs.equity_history import EquityHistory
from alchemiser_dagster.defs.execution_quality import execution_quality_assets
from alchemiser_dagster.defs.freshness import freshness_check, freshness_job
from alchemiser_dagster.defs.history import history_asset
from alchemiser_dagster.defs.partitions import session_partitions
from alchemiser_dagster.defs.plans import plan_asset, plan_key
from alchemiser_dagster.defs.reference import reference_assets
from alchemiser_dagster.defs.resources import (
    AccountRecords,
    Market,
    TradingDesk,
    TradingFloor,
    TradingLock,
)
from alchemiser_dagster.defs.schedules import market_schedules
from alchemiser_dagster.defs.signals import consolidated_portfolio_asset, signal_asset
from alchemiser_dagster.defs.tables import SessionTablesIOManager
from alchemiser_dagster.defs.tearsheets import tearsheet_assets
from alchemiser_dagster.defs.trading import trade_session_job
from alchemiser_dagster.defs.watching import calendar_watch_sensor, strategy_files_sensor
from alchemiser_dagster.market.calendar_file import apply_calendar_file
from alchemiser_dagster.market.sessions import last_completed_session, next_session
from alchemiser_dagster.settings import (
    AccountFile,
    BrokerMode,
    Home,
    Publishing,
    broker_mode,
    home,
    publishing,
    strategies_folder,
)


def build_definitions(account: Home | None = None, strategies: str | None = None) -> dg.Definitions:
    """The definitions of one account (by default the one that the settings name)."""
    account = account or home()
    strategies = strategies or str(strategies_folder())
    apply_calendar_file(Path(strategies))
    facts = account.account()
    # Before an account is opened there is nothing to partition by; today will do to look around.
    inception = facts.inception if facts else last_completed_session(datetime.now(UTC))
    evenings = session_partitions(inception)
    traded = session_partitions(next_session(inception))
    books = load_books(Path(strategies))

    reference, calendar_checks = reference_assets()
    second_source, second_source_check = second_source_asset(evenings)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
        *reference,
        *bar_assets(evenings, _prices(facts)),
        bar_findings_asset(evenings),
        second_source,
    ]
    for book in books:
        # A book that is switched off keeps its account: it may hold shares.
        assets += book_accounts(book.name, traded)
        if book.enabled:
            assets += [
                signal_asset(book, evenings),
                plan_asset(book, traded),
                history_asset(book),
                attribution_asset(book, traded),
            ]
    enabled = [book.name for book in books if book.enabled]
    assets.append(consolidated_portfolio_asset(enabled, evenings))
    assets.append(
        dg.AssetSpec(
            TRADED,
            deps=[dg.AssetKey(plan_key(name)) for name in enabled],
            partitions_def=traded,
            group_name="trading",
            description="A session traded by the job trade_session, the only code that sends "
            "orders. It cannot be materialised from here.",
        )
    )
    account_wide, checks = account_assets(traded)
    quality, quality_check = execution_quality_assets(traded)
    copies, copy_checks = _copies(books, traded)
    jobs = asset_jobs()
    bars_due = freshness_job()
    trade_session = trade_session_job(traded)
    reconcile = reconcile_after_close_job(traded)
    records = AccountRecords(home=str(account.path), strategies=strategies)
    return dg.Definitions(
        assets=[*assets, *account_wide, quality, *copies, *tearsheet_assets(books)],
        asset_checks=[
            *calendar_checks,
            *bar_checks(),
            freshness_check(),
            second_source_check,
            *checks,
            quality_check,
            *copy_checks,
        ],
        jobs=[*jobs.values(), bars_due, trade_session, reconcile],
        schedules=market_schedules(jobs["evening"], bars_due, jobs["cross_check"]),
        sensors=[
            market_calendar_sensor(jobs["evening"], jobs["plan_session"], trade_session, reconcile),
            strategy_files_sensor(jobs["bars"]),
            calendar_watch_sensor(jobs["compare_calendars"]),
            after_close_automation(),
        ],
        resources={
            "records": records,
            "market": Market(records=records),
            "trading": TradingDesk(records=records),
            "floor": TradingFloor(records=records),
            "equity": EquityHistory(records=records),
            "lock": TradingLock(records=records),
            "session_tables": SessionTablesIOManager(root=account.tables),
        },
        executor=dg.in_process_executor,
    )


def _copies(
    books: list[Book], traded: dg.PartitionsDefinition[str]
) -> tuple[list[dg.AssetsDefinition], list[dg.AssetChecksDefinition]]:
    """The published copies that the settings ask for, and their checks."""
    asked = publishing()
    if asked == Publishing():
        return [], []
    # boto3 takes a fifth of a second to import, and most accounts publish nothing
    from alchemiser_dagster.defs.publishing import publishing_assets

    return publishing_assets(asked, books, traded)


def _prices(facts: AccountFile | None) -> str:
    """Whose prices an account sees, in a word: they are made up unless somebody says otherwise."""
    if facts is not None and facts.bars is not None:
        return "file"
    mode = facts.mode if facts is not None else broker_mode()
    return "synthetic" if mode is BrokerMode.EMBEDDED else "alpaca"


defs = build_definitions()
