"""The table of the books, of an account that traded one session at the embedded broker."""

from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from alchemiser_dagster.commands.report import BooksReport, books_table, holdings_table, report_of
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, cash_entries
from alchemiser_dagster.market.sessions import session_close
from tests.execution.conftest import FIRST, TradingDay, trading_day, wish

D = Decimal
AT = session_close(FIRST)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[TradingDay]:
    with trading_day(tmp_path) as day:
        day.open_window(FIRST)
        day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="0.5", XYZ="0.5")})
        yield day


def printed(report: BooksReport) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(books_table(report, "Books"), holdings_table(report))
    assert isinstance(console.file, StringIO)
    return " ".join(console.file.getvalue().split())


def adds_up(report: BooksReport) -> bool:
    return all(
        line.nav == line.capital + line.realised + line.unrealised + line.income
        for line in report.lines
    )


def test_the_books_add_up_to_the_broker_and_empty_ones_are_left_out(day: TradingDay) -> None:
    report = report_of(day.desk)
    assert [line.book for line in report.lines] == ["a", "b", UNALLOCATED]
    assert report.difference == 0
    assert adds_up(report)
    said = printed(report)
    assert "book capital NAV realised unrealised return trades" in said
    assert UNATTRIBUTED not in said


def test_income_has_a_column_where_there_is_any(day: TradingDay) -> None:
    row = {
        "book": "a", "session": FIRST, "kind": "dividend", "source_id": "D1", "amount": D("12.34"),
        "at": AT,
    }  # fmt: skip
    with day.desk.ledger.write() as connection:
        enter(connection, cash_entries, row)
    report = report_of(day.desk)
    assert adds_up(report)
    assert report.difference == D("-12.34")  # the broker has not paid it
    said = printed(report)
    assert "book capital NAV realised unrealised income return trades" in said
    assert "+12.34" in said


def test_shares_of_no_strategy_are_shown(day: TradingDay) -> None:
    """Shares that came without cash, and shares paid for: that book is worth nothing by itself."""
    with day.desk.ledger.write() as connection:
        open_other_lot(
            connection, lot_id="x", book=UNATTRIBUTED, symbol="XYZ", session=FIRST, at=AT,
            quantity=D(1), price=D(100), cost=D(100),
        )  # fmt: skip
        enter(
            connection,
            cash_entries,
            {
                "book": UNATTRIBUTED, "session": FIRST, "kind": "residual", "source_id": "R1",
                "amount": D(-1_000), "at": AT,
            },
        )  # fmt: skip
    report = report_of(day.desk)
    line = next(line for line in report.lines if line.book == UNATTRIBUTED)
    assert line.nav < 0
    assert line.positions.startswith("XYZ ")
    assert "%" not in line.positions
    assert f"{UNATTRIBUTED} -1,000.00" in printed(report)
