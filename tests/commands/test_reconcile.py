"""`alchemiser reconcile` at the embedded broker, whose account has 100,000 dollars only."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import typer

from alchemiser_dagster.commands.reconcile import reconcile
from alchemiser_dagster.commands.replay import embedded_broker
from alchemiser_dagster.embedded import Connection
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.queries import book_cash, open_lots
from alchemiser_dagster.ledger.rails import Rails, rail_state
from alchemiser_dagster.ledger.schema import cash_entries
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.settings import Home, strategies_folder

INCEPTION = date(2023, 12, 29)
AT = datetime(2023, 12, 29, 22, tzinfo=UTC)


@pytest.fixture
def account(untraded: Home) -> Home:
    return untraded


def own(ledger: Ledger, symbol: str, quantity: str, *, cost: str) -> None:
    """Let book `steady` own shares that the broker has never heard of."""
    with ledger.write() as connection:
        open_other_lot(
            connection, lot_id=f"{symbol}.1", book="steady", symbol=symbol, session=INCEPTION,
            at=AT, quantity=Decimal(quantity), price=Decimal(1), cost=Decimal(cost),
        )  # fmt: skip


def pay(ledger: Ledger, amount: str) -> None:
    row = {
        "book": "steady", "session": INCEPTION, "kind": "fee", "source_id": "F1",
        "amount": Decimal(amount), "at": AT,
    }  # fmt: skip
    with ledger.write() as connection:
        enter(connection, cash_entries, row)


def test_books_that_agree_with_the_broker(
    account: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    reconcile()
    said = capsys.readouterr().out
    assert "100,000.00" in said
    assert "The books sum to the broker's account, to the share and the cent." in said


def test_a_broker_that_is_running_is_asked_and_left_running(
    account: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = account.account()
    assert facts is not None
    with embedded_broker(account, facts, strategies_folder()) as broker:
        reconcile()
        assert Connection.read(Connection.path_for(account.broker)).url == broker.url
    assert "The books sum" in capsys.readouterr().out


def test_what_somebody_must_look_at_ends_with_exit_code_1_and_changes_nothing(
    account: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger.at(account.ledger)
    own(ledger, "SPY", "2.5", cost="1000.00")
    pay(ledger, "-1000.00")
    with pytest.raises(typer.Exit) as ended:
        reconcile()
    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert "somebody must look at SPY, cash" in said.err
    for word in ("shortfall", "freezes the symbol", "2.5", "no purchases", "+1,000.00"):
        assert word in said.out
    assert "op open_session" in said.out
    with ledger.read() as connection:
        assert rail_state(connection) == Rails()
        assert sum(book_cash(connection).values()) == 99_000
        assert len(open_lots(connection)) == 1
    ledger.close()


def test_a_few_dollars_are_shown_and_break_nothing(
    account: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger.at(account.ledger)
    pay(ledger, "-4.79")
    reconcile()
    said = capsys.readouterr().out
    assert "residual" in said
    assert "The books sum" not in said
    ledger.close()
