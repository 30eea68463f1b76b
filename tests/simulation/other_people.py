"""The hands of other people: a person in the same account, the venue, an operator.

They work beside the trading program, not through it: on the broker directly, and on the ledger's
file over a connection of their own.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select

from alchemiser_dagster.embedded import InProcessBroker
from alchemiser_dagster.embedded.orders import OrderRequest
from alchemiser_dagster.embedded.refusals import RefusalError
from alchemiser_dagster.ledger.rails import Rail, book_scope, set_rail
from alchemiser_dagster.ledger.schema import rails
from alchemiser_dagster.ledger.store import Ledger
from tests.simulation.incidents import Incident, IncidentKind
from tests.simulation.witness import BY_HAND

CENT = Decimal("0.01")


class OtherPeople:
    """What others can do at `broker`, and to the ledger in the file `path`."""

    def __init__(self, broker: InProcessBroker, path: Path) -> None:
        self._broker = broker
        self._control = broker.control()
        self._ledger = Ledger(f"sqlite:///{path}")
        self._trades = 0

    def do(self, incident: Incident) -> bool:
        """Let an incident happen; False when the broker does not allow it."""
        symbol = incident.symbol
        match incident.kind:
            case IncidentKind.TRADE_BY_HAND:
                return self._trade(symbol, incident.shares)
            case IncidentKind.DEPOSIT:
                return self._move_cash(incident.share_of_cash)
            case IncidentKind.WITHDRAWAL:
                return self._move_cash(-incident.share_of_cash)
            case IncidentKind.BUST:
                return self._bust(symbol)
            case IncidentKind.SYMBOL_HALTED:
                self._control.set_asset(symbol, halted=True)
            case IncidentKind.NOT_TRADABLE:
                self._control.set_asset(symbol, tradable=False)
            case IncidentKind.NOT_FRACTIONABLE:
                self._control.set_asset(symbol, fractionable=False)
            case IncidentKind.ACCOUNT_BLOCKED:
                self._control.set_account(trading_blocked=True)
            case IncidentKind.FLATTEN_BOOK:
                self._set_rail(Rail.FLATTEN, book_scope(incident.book), on=True)
            case _:
                assert incident.brake is not None, f"expected an incident of theirs, was {incident}"
                self._set_rail(Rail.HALT, incident.brake, on=True)
        return True

    def list_assets(self, symbols: Iterable[str], whole_shares: Collection[str]) -> None:
        """What the broker says of the symbols while nothing is the matter."""
        for symbol in symbols:
            self._control.set_asset(
                symbol, halted=False, tradable=True, fractionable=symbol not in whole_shares
            )

    def switch_all_on(self, symbols: Iterable[str], whole_shares: Collection[str]) -> None:
        """Take back all halts and restrictions, of the broker and of operators.

        Freezes stay: they are the program's own, and its own to lift.
        """
        self._control.set_account(trading_blocked=False, account_blocked=False)
        self.list_assets(symbols, whole_shares)
        with self._ledger.read() as connection:
            rows = connection.execute(select(rails).where(rails.c.rail != Rail.FREEZE)).all()
        for row in rows:
            self._set_rail(Rail(row.rail), row.scope, on=False)

    def close(self) -> None:
        """Go home."""
        self._ledger.close()

    def _trade(self, symbol: str, shares: Decimal) -> bool:
        """A market order of a person in the same account."""
        self._trades += 1
        request = OrderRequest(
            symbol=symbol,
            side="buy" if shares > 0 else "sell",
            type="market",
            time_in_force="day",
            qty=abs(shares),
            notional=None,
            client_order_id=f"{BY_HAND}-{self._trades}",
        )
        try:
            with self._broker.brokerage.unit():
                self._broker.brokerage.desk.submit(request)
        except RefusalError:
            return False
        return True

    def _move_cash(self, share: Decimal) -> bool:
        cash = self._broker.brokerage.state.cash
        amount = (cash * share).quantize(CENT)
        if amount == 0 or cash + amount < 0:
            return False
        self._control.move_cash(float(amount))
        return True

    def _bust(self, symbol: str) -> bool:
        brokerage = self._broker.brokerage
        if brokerage.store.last_standing_fill(symbol) is None:
            return False
        with brokerage.unit():
            brokerage.bust_last_fill(symbol)
        return True

    def _set_rail(self, rail: Rail, scope: str, *, on: bool) -> None:
        with self._ledger.write() as connection:
            set_rail(
                connection,
                rail,
                scope,
                on=on,
                reason="simulated",
                set_by="operator",
                at=self._broker.now,
            )
