"""The table of the books: what each has, what it has earned, and that it all adds up.

Every book is valued at the broker's own prices; the last lines put the sum of the books beside the
broker's account. What a book has earned beside its trades (dividends and interest less fees) has a
column where there is any:

    NAV = capital + realised + unrealised + income
"""

from dataclasses import dataclass
from decimal import Decimal

from rich.table import Table

from alchemiser_dagster.books.money import ZERO, round_to_total, to_cents
from alchemiser_dagster.books.performance import measure, pnl_by_trade
from alchemiser_dagster.commands.report_table import report_table
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.ledger.queries import (
    all_books,
    book_cash,
    exits_of,
    external_flows,
    income,
    open_lots,
    traded_orders,
)
from alchemiser_dagster.ledger.schema import UNATTRIBUTED


@dataclass(frozen=True)
class BookLine:
    """One book of the table, dollars; `capital` is what came in less what was taken out."""

    book: str
    capital: Decimal
    positions: str
    cash: Decimal
    value: Decimal
    realised: Decimal
    unrealised: Decimal
    income: Decimal
    total_return: Decimal | None
    trades: int

    @property
    def nav(self) -> Decimal:
        """Net asset value."""
        return self.cash + self.value

    @property
    def is_empty(self) -> bool:
        """It has nothing and never had."""
        return not (self.positions or self.cash or self.trades or self.realised or self.income)


@dataclass(frozen=True)
class BooksReport:
    """All books beside the broker's account."""

    lines: list[BookLine]
    broker_cash: Decimal
    broker_equity: Decimal

    @property
    def difference(self) -> Decimal:
        """Broker's equity less the sum of the books, dollars, to the cent."""
        return to_cents(self.broker_equity) - to_cents(sum((b.nav for b in self.lines), ZERO))


def report_of(desk: Desk) -> BooksReport:
    """Read the ledger and the broker."""
    account, held = desk.gateway.account(), desk.gateway.positions()
    prices = {symbol: position.price for symbol, position in held.items()}
    lines = []
    with desk.ledger.read() as connection:
        cash, trades = book_cash(connection), traded_orders(connection)
        for row in all_books(connection):
            lots = open_lots(connection, book=row.book)
            pnls = [
                (exit_.trade_id, exit_.proceeds - exit_.cost)
                for exit_ in exits_of(connection, row.book)
            ]
            made = measure(
                cash=cash.get(row.book, ZERO),
                lots=lots,
                exit_pnls=[pnl for _, pnl in pnls],
                trade_pnls=pnl_by_trade(pnls).values(),
                income=income(connection, row.book),
                prices=prices,
                flow=ZERO,
                net_flows=external_flows(connection, row.book),
                previous_nav=None,
            )
            worth: dict[str, Decimal] = {}
            for lot in lots:
                worth[lot.symbol] = worth.get(lot.symbol, ZERO) + lot.quantity * prices[lot.symbol]
            largest = sorted(worth, key=lambda symbol: (-worth[symbol], symbol))
            line = BookLine(
                book=row.book,
                capital=made.net_flows,
                positions=" ".join(_share(s, worth[s], made.nav) for s in largest),
                cash=made.cash,
                value=made.market_value,
                realised=made.realised,
                unrealised=made.unrealised,
                income=made.income,
                total_return=made.total_return,
                trades=trades.get(row.book, 0),
            )
            if row.book != UNATTRIBUTED or not line.is_empty:
                lines.append(line)
    return BooksReport(lines, account.cash, account.equity)


def _share(symbol: str, worth: Decimal, nav: Decimal) -> str:
    """A holding as a share of the book; in dollars where the book is worth nothing by itself."""
    return f"{symbol} {worth / nav:.0%}" if nav > 0 else f"{symbol} {worth:,.2f}"


def books_table(report: BooksReport, title: str) -> Table:
    """The report as a table; every column of money sums to its total to the cent."""
    lines = report.lines
    earned = ["realised", "unrealised"]
    if any(line.income for line in lines):
        earned.append("income")
    table = report_table(title, ("book",), ("capital", "NAV", *earned, "return", "trades"))
    columns = {
        name: round_to_total([getattr(line, name) for line in lines])
        for name in ("capital", "nav", *earned)
    }
    for i, line in enumerate(lines):
        table.add_row(
            line.book,
            f"{columns['capital'][i]:,.2f}",
            f"{columns['nav'][i]:,.2f}",
            *(f"{columns[name][i]:+,.2f}" for name in earned),
            "" if line.total_return is None else f"{line.total_return:+.2%}",
            str(line.trades),
        )
    table.add_section()
    total = {name: sum(column, ZERO) for name, column in columns.items()}
    paid_in, nav = total["capital"], total["nav"]
    table.add_row(
        "all books",
        f"{paid_in:,.2f}",
        f"{nav:,.2f}",
        *(f"{total[name]:+,.2f}" for name in earned),
        f"{nav / paid_in - 1:+.2%}" if paid_in > 0 else "",
        str(sum(line.trades for line in lines)),
        style="bold",
    )
    table.add_row("broker's account", "", f"{to_cents(report.broker_equity):,.2f}")
    table.add_row("difference", "", f"{report.difference:,.2f}", style="bold")
    return table


def holdings_table(report: BooksReport) -> Table:
    """What each book holds, as shares of its net asset value."""
    table = report_table("What they hold", ("book",), ("cash",))
    table.add_column("positions", overflow="fold")
    for line in report.lines:
        table.add_row(line.book, f"{line.cash:,.2f}", line.positions)
    table.add_section()
    cash = sum((line.cash for line in report.lines), ZERO)
    table.add_row("all books", f"{cash:,.2f}", style="bold")
    table.add_row("broker's account", f"{report.broker_cash:,.2f}")
    return table
