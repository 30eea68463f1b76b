"""Sessions that were traded and ended as they should: books, broker and journal agree."""

from datetime import timedelta
from decimal import Decimal

from alchemiser_dagster.execution.resolution import reconcile
from alchemiser_dagster.ledger.account_activity import AccountActivity
from alchemiser_dagster.ledger.activity_posting import post_activities
from alchemiser_dagster.ledger.queries import Snapshot, book_cash, positions
from alchemiser_dagster.ledger.session_records import record_snapshot
from tests.ledger.traded import Traded, moment


def end(traded: Traded, day: int, equity: str | None = None, **prices: str) -> None:
    """End a session with an account that is what the books say, at these prices of the broker."""
    session = traded.begin(day)
    marks = {symbol: Decimal(price) for symbol, price in prices.items()}
    with traded.ledger.write() as connection:
        held: dict[str, Decimal] = {}
        for own in positions(connection).values():
            for symbol, quantity in own.items():
                held[symbol] = held.get(symbol, Decimal(0)) + quantity
        cash = sum(book_cash(connection).values(), Decimal(0))
        worth = sum((held[symbol] * marks[symbol] for symbol in held if symbol in marks), cash)
        seen = Snapshot(
            taken_at=moment(day) + timedelta(seconds=30),
            cash=cash,
            equity=worth if equity is None else Decimal(equity),
            positions=held,
        )
        reconcile(connection, seen, session=session, kind="after_buys", prices=marks)
    record_snapshot(traded.ledger, session, "after", seen)


def deposit(traded: Traded, day: int) -> None:
    """5,000.00 come in: 3,000.00 for a, 2,000.00 for b."""
    session = traded.begin(day)
    reported = AccountActivity("CSD1", "CSD", session, moment(day), amount=Decimal(5_000))
    post_activities(traded.ledger, [reported], session=session, at=moment(day))


def two_sessions(traded: Traded) -> None:
    """XYZ rises from 100 to 103; a buys 10 and sells 4 of them, b buys 5 and gets 2 more from a."""
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    end(traded, 3, XYZ="101.00")
    deposit(traded, 4)
    traded.trade(4, "a sell 4 XYZ @ 102.50")
    traded.trade(4, "b buy 5 XYZ @ 103.00")
    end(traded, 4, XYZ="103.00")
    traded.cross(5, "a to b 2 XYZ @ 103.00")
    end(traded, 5, XYZ="104.00")
