"""`alchemiser preview` at the embedded broker: the evening before the account's first session."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from alchemiser_dagster.cli import app
from alchemiser_dagster.commands.replay import embedded_broker
from alchemiser_dagster.defs.plans import plan_key
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, set_rail
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.settings import Home, strategies_folder
from tests.world import LEVELS, market, take_bars

from .conftest import flat

INCEPTION, SESSION = date(2023, 12, 29), date(2024, 1, 2)
AT = datetime(2023, 12, 29, 22, tzinfo=UTC)
EFFECTS = ("POST", "PATCH", "DELETE")


@pytest.fixture
def account(untraded: Home) -> Home:
    return untraded


def signals(account: Home, books: Mapping[str, Mapping[str, float]]) -> None:
    """Publish closes and these books' weights, as the evening of the inception does."""
    records = records_of(account)
    closes = (
        market()
        .filter(date=INCEPTION)
        .with_columns(
            pl.col("symbol").replace_strict(LEVELS).alias(price)
            for price in ("open", "high", "low", "close")
        )
    )
    take_bars(records, INCEPTION, closes)
    for book, weights in books.items():
        table = pl.DataFrame({"symbol": list(weights), "weight": list(weights.values())})
        records.tables.write(signal_key(book), INCEPTION.isoformat(), table)


def records_of(account: Home) -> AccountRecords:
    return AccountRecords(home=str(account.path), strategies=str(strategies_folder()))


def preview() -> Result:
    return CliRunner().invoke(app, ["preview"])


def running(account: Home) -> EmbeddedBroker:
    facts = account.account()
    assert facts is not None
    return embedded_broker(account, facts, strategies_folder())  # type: ignore[return-value]


def dump(database: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


ALL = {"steady": {"SPY": 0.5, "TLT": 0.5}, "momentum": {"SPY": 1.0}, "switch": {"GLD": 1.0}}


def test_orders_of_several_books_are_shown_as_one(account: Home) -> None:
    signals(account, ALL)
    done = preview()
    assert done.exit_code == 0, done.output
    said = flat(done)
    assert "The session of 2024-01-02 as of 2023-12-29 17:00:00 New York" in said
    assert "closed, so the latest quotes are used" in said
    for title in ("steady: schedule; capital 50,000.00", "momentum: schedule; capital 30,000.00"):
        assert title in said
    assert "SPY buy 50.00% 0 24,500.00 0.00 24,500.00 dollars below its target" in said
    market = said[said.index("To the market") :]
    assert market.count("SPY buy") == 1
    assert "momentum steady" in market
    assert "3 orders would be sent. Nothing was sent or recorded now." in said
    assert not records_of(account).tables.exists(plan_key("steady"), SESSION.isoformat())


def test_nothing_is_recorded_in_the_ledger_nor_at_the_broker(account: Home) -> None:
    signals(account, ALL)
    before = dump(account.ledger), dump(account.broker)
    assert preview().exit_code == 0
    assert (dump(account.ledger), dump(account.broker)) == before


def test_nothing_is_sent_and_no_time_passes(account: Home) -> None:
    signals(account, ALL)
    with running(account) as broker:
        control = broker.control()
        for method in EFFECTS:
            match = {"method": method, "path": "/v2/*"}
            control.add_fault(action="status", status=500, stage="before", match=match)
        before, asked = control.now(), control.state()["requests"]
        assert preview().exit_code == 0
        assert [rule["seen"] for rule in control.faults()] == [0] * len(EFFECTS)
        assert control.state()["requests"] > asked
        assert control.now() == before


def test_without_the_evenings_signals_no_book_can_be_planned(account: Home) -> None:
    done = preview()
    assert done.exit_code == 1
    said = flat(done)
    assert "steady: bar_findings of 2023-12-29: it has not been" in said
    assert "no book can be planned" in said


def test_a_book_without_a_signal_is_left_out_with_the_reason(account: Home) -> None:
    signals(account, {"steady": ALL["steady"]})
    records_of(account).tables.refuse(signal_key("switch"), INCEPTION.isoformat(), "bars short")
    done = preview()
    assert done.exit_code == 0, done.output
    said = flat(done)
    assert "signal/switch of 2023-12-29: bars short" in said
    assert "2 orders would be sent" in said


def test_a_published_plan_is_what_the_trading_job_would_take(account: Home) -> None:
    signals(account, ALL)
    records_of(account).tables.refuse(plan_key("switch"), SESSION.isoformat(), "the plan failed")
    said = flat(preview())
    assert "switch: no plan: plan/switch of 2024-01-02: the plan failed" in said


def test_what_a_halt_stops_is_said_with_its_reason(account: Home) -> None:
    signals(account, {"steady": ALL["steady"]})
    ledger = Ledger.at(account.ledger)
    with ledger.write() as connection:
        set_rail(
            connection, Rail.HALT, ACCOUNT, on=True, reason="a storm", set_by="operator", at=AT
        )
    ledger.close()
    done = preview()
    assert done.exit_code == 0, done.output
    said = flat(done)
    assert "steady: buy SPY: the account is halted: a storm" in said
    assert "0 orders would be sent" in said


def test_symbols_without_a_usable_quote_are_named(account: Home) -> None:
    signals(account, ALL)
    with running(account) as broker:
        broker.control().add_fault(
            action="zero_side",
            stage="after_commit",
            match={"path": "/v2/stocks/quotes/latest"},
            symbol="GLD",
            field="bp",
        )
        done = preview()
    assert done.exit_code == 1
    said = flat(done)
    assert "without a usable quote: GLD: one-sided quote" in said
    assert "switch: expected a price for GLD, was none; GLD: one-sided quote" in said
    assert "To the market" in said


def test_without_an_account_there_is_nothing_to_preview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALCHEMISER_HOME", str(tmp_path / "nowhere"))
    done = preview()
    assert done.exit_code == 1
    assert "no account has been opened in" in flat(done)
