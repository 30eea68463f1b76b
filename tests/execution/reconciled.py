"""Books a and b own 10.5 and 4.25 XYZ, worth 75.00 each; the broker tells another story."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.execution.reconciliation import Item, compare, reconciliation_of
from alchemiser_dagster.execution.resolution import reconcile
from alchemiser_dagster.ledger.account_activity import AccountActivity
from alchemiser_dagster.ledger.activity_posting import post_activities
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.opening import open_account
from alchemiser_dagster.ledger.queries import Snapshot, book_cash, positions
from alchemiser_dagster.ledger.rails import Rails, rail_state
from alchemiser_dagster.ledger.schema import blocks, books, executions, orders
from alchemiser_dagster.ledger.session_records import begin_session
from alchemiser_dagster.ledger.store import Ledger

SESSION, NEXT = date(2026, 11, 3), date(2026, 11, 4)
OPENED = datetime(2026, 11, 2, 21, tzinfo=UTC)
READ_AT = datetime(2026, 11, 3, 20, 46, tzinfo=UTC)
CASH_OF_BOOKS = Decimal("9999.99")
PRICES = {"XYZ": Decimal(75), "NEW": Decimal(20)}


@dataclass
class Account:
    """The ledger, and what the broker says."""

    ledger: Ledger
    broker: Snapshot

    def says(self, *, cash: str | None = None, equity: int | None = None, **shares: str) -> None:
        """Have the broker hold `shares` (0: no position), and the rest as before."""
        held = self.broker.positions | {s: Decimal(quantity) for s, quantity in shares.items()}
        self.broker = replace(
            self.broker,
            cash=self.broker.cash if cash is None else Decimal(cash),
            equity=self.broker.equity if equity is None else Decimal(equity),
            positions={symbol: quantity for symbol, quantity in held.items() if quantity != 0},
        )

    def reconcile(self, session: date = SESSION, kind: str = "before") -> dict[str, Item]:
        with self.ledger.write() as connection:
            items = reconcile(connection, self.broker, session=session, kind=kind, prices=PRICES)
        return {item.what: item for item in items}

    def recorded(self, session: date = SESSION) -> dict[str, tuple[str, str, bool]]:
        with self.ledger.read() as connection:
            return {
                row.what: (row.classification, row.resolution, row.breaks)
                for row in reconciliation_of(connection, session)
            }

    def holdings(self, book: str) -> dict[str, Decimal]:
        with self.ledger.read() as connection:
            return positions(connection).get(book, {})

    def cash(self, book: str) -> Decimal:
        with self.ledger.read() as connection:
            return book_cash(connection).get(book, Decimal(0))

    def rails(self) -> Rails:
        with self.ledger.read() as connection:
            return rail_state(connection)

    def sums_to_broker(self) -> bool:
        with self.ledger.read() as connection:
            return not compare(book_cash(connection), positions(connection), self.broker)


def give(ledger: Ledger, book: str, symbol: str, quantity: str, *, lot: str = "lot") -> None:
    """Open a lot, at 70.00 a share, that the book has had since before the session."""
    with ledger.write() as connection:
        open_other_lot(
            connection,
            lot_id=f"{book}.{symbol}.{lot}",
            book=book,
            symbol=symbol,
            session=date(2026, 11, 2),
            at=OPENED,
            quantity=Decimal(quantity),
            price=Decimal(70),
            cost=to_cents(Decimal(quantity) * 70),
        )


def make_account(url: str) -> Account:
    ledger = Ledger(url)
    inception = date(2026, 11, 2)
    open_account(ledger, account_number="EMB1", inception=inception, cash=CASH_OF_BOOKS, at=OPENED)
    with ledger.write() as connection:
        for book in ("a", "b"):
            row = {"book": book, "allocation": Decimal("0.5"), "opened_session": inception}
            connection.execute(insert(books).values(row))
    give(ledger, "a", "XYZ", "10.5")
    give(ledger, "b", "XYZ", "4.25")
    for session in (SESSION, NEXT):
        begin_session(
            ledger, session, ["a", "b"],
            opens_at=READ_AT - timedelta(hours=6), closes_at=READ_AT + timedelta(minutes=14),
            at=READ_AT,
        )  # fmt: skip
    held = {"XYZ": Decimal("14.75")}
    return Account(ledger, Snapshot(READ_AT, CASH_OF_BOOKS, Decimal(100_000), held))


def by_hand(account: Account, name: str, side: str, quantity: str) -> None:
    """Somebody trades XYZ at 75.00, and the broker lists it among its activities."""
    trade = AccountActivity(
        name, "FILL", SESSION, READ_AT, symbol="XYZ", quantity=Decimal(quantity),
        price=Decimal(75), side=side,
    )  # fmt: skip
    post_activities(account.ledger, [trade], session=SESSION, at=READ_AT)


def place_order(ledger: Ledger, state: str, executed_at: datetime) -> None:
    with ledger.write() as connection:
        connection.execute(
            insert(blocks).values(
                block_id="b1", session=SESSION, symbol="XYZ", side="sell", round=1,
                quantity=Decimal(1), state="open", reason="",
            )
        )  # fmt: skip
        connection.execute(
            insert(orders).values(
                client_order_id="o1", block_id="b1", attempt=1, step=1, order_type="limit",
                quantity=Decimal(1), limit_price=Decimal(75), notional=Decimal(75), state=state,
                filled_quantity=Decimal(1), submitted_at=executed_at, message="",
            )
        )  # fmt: skip
        connection.execute(
            insert(executions).values(
                execution_id="x1", client_order_id="o1", quantity=Decimal(1),
                cumulative_quantity=Decimal(1), price=Decimal(75), cash=Decimal(75),
                executed_at=executed_at,
            )
        )  # fmt: skip
