"""All of the project as Dagster sees it: one chain of assets per book, the trading job between.

daily_bars ─► signal/<book> ─► plan/<book> ─► trading_session ─► fills ─► lots ─► performance
                   └─► consolidated_portfolio        └─► account (books_sum_to_broker)
"""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from alchemiser_dagster.books.strategies import load_books
from alchemiser_dagster.defs.account import account_assets
from alchemiser_dagster.defs.accounting import TRADED, book_accounts
from alchemiser_dagster.defs.after_close import reconcile_after_close_job
from alchemiser_dagster.defs.automation import (
    after_close_automation,
    asset_jobs,
    evening_schedule,
    market_calendar_sensor,
)
from alchemiser_dagster.defs.bars import daily_bars_asset
from alchemiser_dagster.defs.execution_quality import execution_quality_assets
from alchemiser_dagster.defs.history import history_asset
from alchemiser_dagster.defs.partitions import session_partitions
from alchemiser_dagster.defs.plans import plan_asset, plan_key
from alchemiser_dagster.defs.resources import (
    AccountRecords,
    Market,
    TradingDesk,
    TradingFloor,
    TradingLock,
)
from alchemiser_dagster.defs.signals import consolidated_portfolio_asset, signal_asset
from alchemiser_dagster.defs.tables import SessionTablesIOManager
from alchemiser_dagster.defs.trading import trade_session_job
from alchemiser_dagster.market.sessions import last_completed_session, next_session
from alchemiser_dagster.settings import (
    AccountFile,
    BrokerMode,
    Home,
    broker_mode,
    home,
    strategies_folder,
)


def build_definitions(account: Home | None = None, strategies: str | None = None) -> dg.Definitions:
    """The definitions of one account (by default the one that the settings name)."""
    account = account or home()
    strategies = strategies or str(strategies_folder())
    facts = account.account()
    # Before an account is opened there is nothing to partition by; today will do to look around.
    inception = facts.inception if facts else last_completed_session(datetime.now(UTC))
    evenings = session_partitions(inception)
    traded = session_partitions(next_session(inception))
    books = load_books(Path(strategies))

    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [daily_bars_asset(evenings, _prices(facts))]
    for book in books:
        # A book that is switched off keeps its account: it may hold shares.
        assets += book_accounts(book.name, traded)
        if book.enabled:
            assets += [
                signal_asset(book, evenings),
                plan_asset(book, traded),
                history_asset(book),
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
    jobs = asset_jobs()
    trade_session = trade_session_job(traded)
    reconcile = reconcile_after_close_job(traded)
    records = AccountRecords(home=str(account.path), strategies=strategies)
    return dg.Definitions(
        assets=[*assets, *account_wide, quality],
        asset_checks=[*checks, quality_check],
        jobs=[*jobs.values(), trade_session, reconcile],
        schedules=[evening_schedule(jobs["evening"])],
        sensors=[
            market_calendar_sensor(jobs["evening"], jobs["plan_session"], trade_session, reconcile),
            after_close_automation(),
        ],
        resources={
            "records": records,
            "market": Market(records=records),
            "trading": TradingDesk(records=records),
            "floor": TradingFloor(records=records),
            "lock": TradingLock(records=records),
            "session_tables": SessionTablesIOManager(root=str(account.tables)),
        },
        executor=dg.in_process_executor,
    )


def _prices(facts: AccountFile | None) -> str:
    """Whose prices an account sees, in a word: they are made up unless somebody says otherwise."""
    if facts is not None and facts.bars is not None:
        return "file"
    mode = facts.mode if facts is not None else broker_mode()
    return "synthetic" if mode is BrokerMode.EMBEDDED else "alpaca"


defs = build_definitions()
