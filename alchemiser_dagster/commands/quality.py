"""`alchemiser quality`: what the trades of a range of sessions cost, from the ledger.

Slippage against the arrival mid by symbol, step of the walk, time and spread, the worst orders,
what crossing saved, and the implementation shortfall. What everything means is in
`execution.quality_report` and `execution.implementation_shortfall`.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.quality_tables import crosses_table, order_tables, shortfall_table
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.defs.plans import closes_of
from alchemiser_dagster.execution.implementation_shortfall import shortfall
from alchemiser_dagster.execution.quality import COSTLY_DOLLARS, FilledOrder, Quality
from alchemiser_dagster.execution.quality_records import crossed_shares, traded_blocks
from alchemiser_dagster.execution.quality_report import by_session, orders_of
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing


def quality(first: date | None, last: date | None, symbol: str | None) -> None:
    """Print the report of the sessions from `first` to `last`, both included; all without them."""
    if first is not None and last is not None and first > last:
        fail(f"expected --from not to be after --to, was {first} and {last}")
    with opened_account() as account, account.ledger.read() as connection:
        since, until = first or account.facts.inception, last or date.max
        blocks = traded_blocks(connection, since, until, symbol=symbol)
        crosses = crossed_shares(connection, since, until, symbol=symbol)
    if not blocks and not crosses:
        what = "Nothing" if symbol is None else f"No {symbol}"
        out.print(f"{what} was traded in these sessions.", highlight=False)
        return
    orders = orders_of(blocks)
    if orders:
        for table in order_tables(orders):
            out.print(table)
    if crosses:
        out.print(crosses_table(crosses))
    if blocks:
        closes = _closes(blocks)
        found = [(block.side, shortfall(block, closes.get(block.session, {}))) for block in blocks]
        out.print(shortfall_table(found))
    _say_alerts(orders)


def _closes(blocks: Sequence[Quality]) -> dict[date, dict[str, Decimal]]:
    """The closes of the sessions in which something was left unfilled, where they are known."""
    unfilled = sorted({block.session for block in blocks if block.filled != block.quantity})
    if not unfilled:
        return {}
    snapshots = opened_records().snapshots
    found = {}
    for session in unfilled:
        try:
            found[session] = closes_of(snapshots, session, session)
        except (SnapshotDamaged, SnapshotMissing) as error:
            err.print(str(error), style="yellow", markup=False, highlight=False, soft_wrap=True)
    return found


def _say_alerts(orders: Sequence[FilledOrder]) -> None:
    for session, made in by_session(orders).items():
        if made.is_alert:
            err.print(
                f"{session}: slippage of {made.cost.dollars:,.2f} dollars, more than "
                f"{COSTLY_DOLLARS}",
                style="yellow",
                highlight=False,
                soft_wrap=True,
            )
