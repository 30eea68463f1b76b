"""`alchemiser halt`: stop the trading, and take back the orders that rest at the broker.

The rail comes first, and by itself: from then on no order is written down, whatever else goes
wrong. A trading process that is running sees it at its next round.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from alchemiser_dagster.commands.opened import OPERATOR, Opened, opened_account, require_book
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.execution.withdrawal import UNREACHABLE, withdraw_orders
from alchemiser_dagster.ledger.open_orders import RestingOrder, resting_orders
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, book_scope, set_rail, symbol_scope
from alchemiser_dagster.settings import BrokerMode, SettingsError, strategies_folder


def halt(book: str | None, symbol: str | None, reason: str) -> None:
    """Halt the account, a book or a symbol; exit code 1 while an order may still rest."""
    if book is not None:
        scope, what, back = book_scope(book), book, f"resume --book {book}"
    elif symbol is not None:
        scope, what, back = symbol_scope(symbol), symbol, f"resume --symbol {symbol}"
    else:
        scope, what, back = ACCOUNT, "The account", "resume"
    with opened_account() as account:
        with account.ledger.write() as connection:
            if book is not None:
                require_book(connection, book)
            set_rail(
                connection,
                Rail.HALT,
                scope,
                on=True,
                reason=reason,
                set_by=OPERATOR,
                at=datetime.now(UTC),
            )
            resting = resting_orders(connection, book=book, symbol=symbol)
        out.print(
            f"{what} is halted: nothing is traded there until `alchemiser {back}`.",
            highlight=False,
        )
        if resting:
            _take_back(account, resting)
        else:
            out.print("No order of it is open.")


def _take_back(account: Opened, resting: list[RestingOrder]) -> None:
    # Dagster takes seconds to import, which the rail must not wait for.
    from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk

    records = AccountRecords(home=str(account.home.path), strategies=str(strategies_folder()))
    try:
        gateway = TradingDesk(records=records).desk().gateway
    except (*UNREACHABLE, SettingsError, WrongBroker) as error:
        if account.facts.mode is BrokerMode.EMBEDDED and _is_down(error):
            out.print(
                "No embedded broker is running, so no order can rest or fill there now. The next "
                "trading run sees the halt and takes back:",
                highlight=False,
            )
            for order in resting:
                out.print(f"  {order}", highlight=False, markup=False)
            return
        _name(resting)
        fail(f"the halt stands, but the orders above may still rest at the broker: {error}")
    withdrawn = withdraw_orders(gateway, resting)
    for one in withdrawn:
        if not one.may_rest:
            out.print(f"  {one}", highlight=False, markup=False)
    left = [one for one in withdrawn if one.may_rest]
    if left:
        _name(left)
        fail(
            "the halt stands, but the orders above may still rest: run it again, or see the broker"
        )
    out.print("No order rests at the broker.")


def _is_down(error: BaseException | None) -> bool:
    """Whether there is no embedded broker at all, rather than one that answers badly."""
    while error is not None:
        if isinstance(error, (SettingsError, ConnectionRefusedError)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _name(lines: Iterable[object]) -> None:
    for line in lines:
        err.print(f"  {line}", style="yellow", markup=False, highlight=False, soft_wrap=True)
