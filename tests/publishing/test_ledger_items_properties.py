"""Whatever was traded, the published lots and trades add up to what the ledger says."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.books.money import fill_cash
from alchemiser_dagster.ledger.queries import exits_of, open_lots
from tests.ledger.activity_lines import bust, post
from tests.ledger.traded import Traded
from tests.publishing.publications import items_of

D = Decimal
ZERO = D(0)
Step = tuple[str, Decimal, Decimal]

shares = st.decimals("0.000001", "20", places=6)
prices = st.decimals("0.5", "60", places=2)
steps = st.lists(
    st.tuples(st.sampled_from(["buy", "sell", "cross", "bust"]), shares, prices),
    min_size=1,
    max_size=7,
)


def trade(traded: Traded, story: Sequence[Step]) -> list[int]:
    """A step a session: sales and crosses of what is held, busts of the session before."""
    held, days = ZERO, []
    last: tuple[str, Decimal, Decimal] | None = None
    for day, (what, quantity, price) in enumerate(story, 2):
        days.append(day)
        before, last = last, None
        if what == "bust":
            if before is not None:
                held += take_back(traded, day, *before)
            continue
        amount = quantity if what == "buy" else min(quantity, held)
        if amount == 0:
            continue
        if what == "cross":
            traded.cross(day, f"a to b {amount:f} XYZ @ {price}")
        else:
            traded.trade(day, f"a {what} {amount:f} XYZ @ {price}")
            last = (what, amount, fill_cash(amount, price))
        held += amount if what == "buy" else -amount
    return days


def take_back(traded: Traded, day: int, side: str, amount: Decimal, cash: Decimal) -> Decimal:
    """A bust of the trade of the session before; the shares that the book gets."""
    got = -amount if side == "buy" else amount
    paid = cash if side == "buy" else -cash
    undone = f"x.2026-11-{day - 1:02}.XYZ.a"
    (done,) = post(traded, bust(f"b{day}", undone, f"{got:f} XYZ {paid:f}"), day=day)
    assert done.treatment.startswith(f"bust of {undone}")
    return got


@settings(max_examples=12, deadline=None)
@given(story=steps)
def test_published_lots_and_trades_add_up_to_the_ledger(story: list[Step]) -> None:
    traded = Traded.at("sqlite://")
    made = items_of(traded, *trade(traded, story))
    with traded.ledger.read() as connection:
        for book in ("a", "b"):
            lots = [lot for lot in made.lots if lot["strategy_name"] == book]
            held = open_lots(connection, book=book)
            exits = exits_of(connection, book)
            records = [record for lot in lots for record in lot["exit_records"]]
            assert sum(D(lot["remaining_qty"]) for lot in lots) == sum(lot.quantity for lot in held)
            assert sum(D(lot["cost_basis"]) for lot in lots) == sum(lot.cost for lot in held)
            assert sum(lot["is_open"] for lot in lots) == len(held)
            assert len(records) == len(exits)
            realised = sum(row.proceeds - row.cost for row in exits)
            assert sum(D(record["realized_pnl"]) for record in records) == realised
            assert sum(D(lot["realized_pnl"]) for lot in lots) == realised
            for lot in lots:
                sold = sum(D(record["exit_qty"]) for record in lot["exit_records"])
                assert D(lot["entry_qty"]) - sold == D(lot["remaining_qty"])
            parts = [part for part in made.strategy_trades if part["strategy_name"] == book]
            net = sum(
                D(part["quantity"]) * (1 if part["direction"] == "BUY" else -1) for part in parts
            )
            assert net == sum(D(lot["remaining_qty"]) for lot in lots)
    traded.ledger.close()
