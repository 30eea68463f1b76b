"""`alchemiser reconcile`: the books beside the broker, now. It reads and changes nothing."""

from decimal import Decimal

from rich.table import Table
from rich.text import Text

from alchemiser_dagster.books.reconciliation import CashClassification, Classification
from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.broker_desk import broker_desk
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.embedded import StateFileError
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.execution.opening import read_account
from alchemiser_dagster.execution.reconciliation import CASH, Item, judge
from alchemiser_dagster.execution.withdrawal import UNREACHABLE
from alchemiser_dagster.ledger.open_orders import resting_orders
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import NEW_YORK
from alchemiser_dagster.settings import SettingsError

FOLLOWS = {
    Classification.DUST: "is recorded",
    Classification.UNEXPECTED: "goes to unattributed",
    Classification.ORPHAN_LONG: "goes to unattributed",
    Classification.CORPORATE_ACTION: "freezes the symbol",
    Classification.SHORTFALL: "freezes the symbol",
    Classification.SHORT: "halts the account",
    CashClassification.PAID: "goes to unattributed",
    CashClassification.RESIDUAL: "goes to unallocated",
    CashClassification.UNEXPLAINED: "is recorded",
    CashClassification.NO_PURCHASES: "blocks purchases",
}
"""What the next session does about it."""


def reconcile() -> None:
    """Print what books and broker hold, symbol by symbol; exit code 1 when something breaks."""
    try:
        with opened_account() as account, broker_desk(account) as desk:
            broker, prices = read_account(desk)
            with account.ledger.read() as connection:
                items = judge(connection, broker, prices=prices)
                resting = resting_orders(connection)
    except (
        *UNREACHABLE, BarsError, BooksError, SettingsError, StateFileError, WrongBroker
    ) as error:  # fmt: skip
        fail(str(error))
    at = broker.taken_at.astimezone(NEW_YORK)
    out.print(items_table(items, f"Books and broker at {at:%Y-%m-%d %H:%M:%S} New York"))
    for order in resting:
        err.print(f"still open, so shares and cash may yet move: {order}", markup=False)
    differing = [item for item in items if item.books != item.broker]
    if differing:
        out.print(
            "The next trading session acts on what still differs then: its op open_session first "
            "posts the broker's activities (trades by hand, dividends, splits).",
            highlight=False,
        )
    broken = [item for item in items if item.breaks]
    if broken:
        fail("somebody must look at " + ", ".join(item.what for item in broken))
    if not differing:
        out.print("The books sum to the broker's account, to the share and the cent.")


def items_table(items: list[Item], title: str) -> Table:
    """Books and broker side by side, a line a symbol and one for the cash."""
    table = Table(title=title, title_justify="left")
    for name in ("", "books", "broker", "difference", "dollars", "is", "what follows"):
        is_number = name in ("books", "broker", "difference", "dollars")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for item in items:
        agrees = item.classification in (Classification.MATCH, CashClassification.MATCH)
        dollars = "" if item.value is None else f"{item.value:+,.2f}"
        table.add_row(
            Text(item.what),
            _number(item, item.books),
            _number(item, item.broker),
            "" if agrees else _number(item, item.excess, sign="+"),
            "" if agrees else dollars,
            item.classification.replace("_", " "),
            "" if agrees else FOLLOWS[item.classification],
            style="bold red" if item.breaks else None,
        )
    return table


def _number(item: Item, amount: Decimal, sign: str = "") -> str:
    if item.what == CASH:
        return f"{amount:{sign},.2f}"
    return f"{amount.normalize():{sign},f}"
