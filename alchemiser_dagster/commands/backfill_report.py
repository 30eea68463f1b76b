"""What `alchemiser backfill-ledger` prints: where ledger, rebuilt books and broker differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.table import Table
from rich.text import Text

from alchemiser_dagster.commands.reconcile import items_table
from alchemiser_dagster.commands.terminal import err, out
from alchemiser_dagster.execution.backfill import Backfill
from alchemiser_dagster.execution.reconciliation import Item
from alchemiser_dagster.ledger.book_totals import CashDifference, TotalsDifference

LINES_MAX = 20


@dataclass(frozen=True)
class Comparison:
    """The rebuilt books beside the ledger (`totals`, `cash`) and beside the broker (`items`).

    `damages` is what in the ledger does not agree with itself, and the tables of which rows are
    other than the rebuilt ones. `waiting` is what the broker did that the ledger does not have yet;
    `obstacles` say why the rebuilt books may not replace the ledger's.
    """

    made: Backfill
    totals: tuple[TotalsDifference, ...]
    cash: tuple[CashDifference, ...]
    damages: tuple[str, ...]
    items: tuple[Item, ...]
    waiting: tuple[str, ...]
    obstacles: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the ledger says anything else than the rebuilt books."""
        return bool(self.totals or self.cash or self.damages)

    @property
    def agrees(self) -> bool:
        """Whether ledger, rebuilt books and broker all say the same."""
        broken = any(item.breaks for item in self.items)
        return not (self.differs or self.made.problems or broken)


def print_comparison(found: Comparison, shadow: Path) -> None:
    """Print what was done, then the differences."""
    made = found.made
    out.print(
        f"The broker's history has {made.orders} orders that filled. Its books are in {shadow} "
        f"({made.added} rows added).",
        highlight=False,
        soft_wrap=True,
    )
    out.print(
        "From the ledger's own journal, because no broker knows of them: crosses between books "
        f"({made.crosses}); capital, lot policies, attributions "
        f"({made.own_facts - made.crosses}).",
        highlight=False,
        soft_wrap=True,
    )
    _list("Orders of ours whose rows the ledger has lost", made.recovered)
    _list("Orders of nobody's, booked to unattributed", made.foreign)
    _list("Worth knowing", made.notes)
    _list("In the history and not in the ledger yet; the next session posts it", found.waiting)
    for line in made.problems:
        err.print(f"not posted: {line}", style="bold red", markup=False, soft_wrap=True)
    _list("Wrong in the ledger, or other than in the rebuilt books", found.damages)
    if found.totals or found.cash:
        out.print(_differences(found))
    else:
        out.print("Every book holds, has paid and has made what the broker's history says.")
    out.print(items_table(list(found.items), "The rebuilt books and the broker"))


def _list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    out.print(f"{title}:", highlight=False)
    for line in lines[:LINES_MAX]:
        out.print(Text(f"  {line}"), soft_wrap=True)
    if len(lines) > LINES_MAX:
        out.print(f"  and {len(lines) - LINES_MAX} more", highlight=False)


def _differences(found: Comparison) -> Table:
    table = Table(title="The ledger and the rebuilt books", title_justify="left")
    for name in ("book", "symbol", "what", "ledger", "rebuilt", "difference"):
        is_number = name in ("ledger", "rebuilt", "difference")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for book, symbol, what, ledger, rebuilt in _lines(found):
        places = "f" if what == "shares" else ",.2f"
        ours, theirs = (_figure(n, what, places) for n in (ledger, rebuilt))
        table.add_row(
            book, symbol, what, ours, theirs, _figure(rebuilt - ledger, what, f"+{places}")
        )
    return table


def _lines(found: Comparison) -> Iterator[tuple[str, str, str, Decimal, Decimal]]:
    """(book, symbol, figure, ledger, rebuilt) of every figure that differs."""
    for one in found.totals:
        figures = (
            ("shares", one.ledger.quantity, one.shadow.quantity),
            ("cost", one.ledger.cost, one.shadow.cost),
            ("realised", one.ledger.realised, one.shadow.realised),
        )
        for what, ledger, rebuilt in figures:
            if ledger != rebuilt:
                yield one.book, one.symbol, what, ledger, rebuilt
    for cash in found.cash:
        yield cash.book, "", "cash", cash.ledger, cash.shadow


def _figure(number: Decimal, what: str, places: str) -> str:
    return f"{number.normalize() if what == 'shares' else number:{places}}"
