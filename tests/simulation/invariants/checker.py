"""When the invariants are checked: at every commit, at every order, and at rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.simulation.invariants import journal, lots, orders, quantities, sums
from tests.simulation.tables import Tables
from tests.simulation.witness import Accepted, Witness

BOOKS = {"cash_entries", "lots", "lot_exits", "lot_adjustments", "executions", "fills"}
"""Tables that say what the books have."""


@dataclass
class Checker:
    """Checks the ledger in `tables` against what `witness` saw; `found` are the violations.

    `tolerance` is how far the broker's clock is made to be wrong in this simulation.
    """

    tables: Tables
    witness: Witness
    tolerance: timedelta = timedelta(0)
    found: list[str] = field(default_factory=list)
    checks: int = 0
    _last_entry: int = 0
    _brakes: dict[str, set[str]] = field(default_factory=dict)

    def after_commit(self, touched: set[str]) -> None:
        """Check what a transaction that wrote to the tables `touched` may have broken."""
        if touched & (BOOKS | {"activities"}):
            self._take(sums.shares_and_cash(self.tables, self.witness))
            self._take(quantities.cash_floor(self.tables, self._last_entry))
            self._last_entry = self.tables.rows("SELECT MAX(entry_id) FROM cash_entries")[0][0] or 0
        if touched & BOOKS:
            self._take(lots.lots(self.tables))
            self._take(lots.profit(self.tables))
        if touched & {"executions", "fills", "trades", "crosses"}:
            self._take(quantities.quantities(self.tables))
            self._take(sums.split_exactly(self.tables))

    def before_order(self, what: str, now: datetime) -> None:
        """Check the moment in which an order is sent; `what` is the request in words."""
        self._take(orders.in_window(what, now, self.tolerance))

    def on_order(self, order: Accepted) -> None:
        """Check an order in the moment the broker takes it."""
        if not order.by_hand:
            self._take(orders.known(self.tables, order))
            self._take(orders.in_its_session(self.tables, order))
            self._take(orders.one_side(self.witness, order))
            self._take(orders.not_braked(self.tables, order, self._brakes))
            self._take(orders.within_limits(self.tables, order))

    def at_rest(self, since: datetime) -> None:
        """Check everything, nothing being in flight.

        All executions of the program's orders must be posted now, and whatever else happened before
        `since`.
        """
        self._take(sums.shares_and_cash(self.tables, self.witness))
        self._take(sums.nothing_unposted(self.tables, self.witness, since))
        self._take(sums.split_exactly(self.tables))
        self._take(lots.lots(self.tables))
        self._take(lots.profit(self.tables))
        self._take(quantities.quantities(self.tables))
        self._take(quantities.executed_within_blocks(self.tables, self.witness))
        self._take(quantities.own_shares_only(self.tables, self.witness))
        self._take(quantities.none_resting(self.witness))
        self._take(quantities.day_limit(self.tables))
        self._take(journal.rebuilt(self.tables))
        self._take(journal.chain(self.tables))

    def succeeded(self, session: date) -> None:
        """Check that every book has traded, or holds what it wants."""
        self._take(quantities.traded(self.tables, session))

    def brake(self, scope: str) -> None:
        """An operator has halted `scope`: only what was intended before may still arrive."""
        self._brakes[scope] = self.tables.values("SELECT client_order_id FROM orders")

    def release(self) -> None:
        """The operator lets go."""
        self._brakes = {}

    def _take(self, violations: Iterator[str]) -> None:
        self.checks += 1
        self.found.extend(violations)
