"""The tables of `alchemiser quality`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.table import Table

from alchemiser_dagster.books.money import ZERO, round_to_total
from alchemiser_dagster.commands.report_table import (
    NOTHING,
    basis_points,
    dollars,
    percent,
    report_table,
    shares,
)
from alchemiser_dagster.execution.implementation_shortfall import NO_SHORTFALL, Shortfall
from alchemiser_dagster.execution.quality import Crossed, FilledOrder, saved_spread
from alchemiser_dagster.execution.quality_report import (
    Slippage,
    by_book,
    by_spread,
    by_step,
    by_symbol,
    by_time,
    histogram,
    slippage_of,
    worst_orders,
)
from alchemiser_dagster.execution.symbol_trades import symbol_trades
from alchemiser_dagster.market.sessions import NEW_YORK

HISTOGRAM_WIDTH = 40


def order_tables(orders: Sequence[FilledOrder]) -> list[Table]:
    """What the orders that filled cost, seen from all sides."""
    sessions = sorted({order.session for order in orders})
    whole = slippage_of(orders)
    count = "1 session" if len(sessions) == 1 else f"{len(sessions)} sessions"
    title = f"Slippage by symbol, {sessions[0]} to {sessions[-1]}: {count} with trades"
    tables = [
        _slippage_table(title, "symbol", by_symbol(orders), whole),
        _traded_table(orders),
        _slippage_table("By the step of the walk that filled", "step", by_step(orders)),
        _slippage_table("By time of execution, New York", "time", by_time(orders)),
        _spread_table(orders),
        _histogram_table(orders),
    ]
    if by_book(orders):
        tables.append(_books_table(orders))
    if worst_orders(orders):
        tables.append(_worst_table(orders))
    return tables


def _slippage_table(
    title: str, name: str, groups: Mapping[str, Slippage], whole: Slippage | None = None
) -> Table:
    table = report_table(
        title,
        (name,),
        ("orders", "traded", "average", "median", "best", "worst", "cost", "seconds", "rating"),
    )
    traded = round_to_total([made.cost.traded for made in groups.values()])
    costs = round_to_total([made.cost.dollars for made in groups.values()])
    for i, (label, made) in enumerate(groups.items()):
        table.add_row(label, *_slippage_cells(made, traded[i], costs[i]))
    if whole is not None:
        cells = _slippage_cells(whole, whole.cost.traded, whole.cost.dollars)
        table.add_section()
        table.add_row("all orders", *cells, style="bold")
        table.caption = (
            "average, median, best, worst: basis points of the arrival mid, positive is a cost; "
            f"cost in dollars; seconds: median time to fill; {whole.improved} orders better than "
            f"the mid, {whole.significant} above 10 basis points, {whole.unmeasured} without a mid"
        )
        table.caption_justify = "left"
    return table


def _slippage_cells(made: Slippage, traded: Decimal, cost: Decimal) -> tuple[str, ...]:
    seconds = NOTHING if made.median_seconds is None else f"{made.median_seconds:.1f}"
    return (
        str(made.orders + made.unmeasured),
        dollars(traded),
        basis_points(made.average_bps),
        basis_points(made.median_bps),
        basis_points(made.best_bps),
        basis_points(made.worst_bps),
        dollars(cost, signed=True),
        seconds,
        NOTHING if made.rating is None else made.rating.value,
    )


def _traded_table(orders: Sequence[FilledOrder]) -> Table:
    table = report_table(
        "Average prices",
        ("symbol",),
        ("bought", "at", "sold", "at", "gain at the average"),
    )
    for symbol, made in symbol_trades(orders).items():
        table.add_row(
            symbol,
            shares(made.bought),
            _price(made.buy_vwap),
            shares(made.sold),
            _price(made.sell_vwap),
            dollars(made.gain_at_average, signed=True),
        )
    return table


def _spread_table(orders: Sequence[FilledOrder]) -> Table:
    table = report_table(
        "By the spread quoted on arrival",
        ("basis points",),
        ("orders", "traded", "average", "cost", "of half the spread"),
    )
    for label, made in by_spread(orders).items():
        table.add_row(
            label,
            str(made.orders),
            dollars(made.cost.traded),
            basis_points(made.average_bps),
            dollars(made.cost.dollars, signed=True),
            percent(made.of_half_spread),
        )
    return table


def _histogram_table(orders: Sequence[FilledOrder]) -> Table:
    counts = histogram(orders)
    most = max(counts.values(), default=0) or 1
    table = report_table("Distribution of slippage", ("basis points",), ("orders",))
    table.add_column("")
    for label, count in counts.items():
        table.add_row(label, str(count), "█" * round(HISTOGRAM_WIDTH * count / most))
    return table


def _books_table(orders: Sequence[FilledOrder]) -> Table:
    table = report_table(
        "By book",
        ("book",),
        ("orders", "traded", "average", "cost"),
    )
    for book, made in by_book(orders).items():
        table.add_row(
            book,
            str(made.orders),
            dollars(made.cost.traded),
            basis_points(made.cost.bps),
            dollars(made.cost.dollars, signed=True),
        )
    return table


def _worst_table(orders: Sequence[FilledOrder]) -> Table:
    table = report_table(
        "The orders that cost most",
        ("session", "time", "order"),
        ("step", "at", "arrival mid", "spread", "slippage", "cost"),
    )
    for order in worst_orders(orders):
        table.add_row(
            order.session.isoformat(),
            f"{order.filled_at.astimezone(NEW_YORK):%H:%M:%S}",
            f"{order.side} {shares(order.filled)} {order.symbol}",
            order.order_type if order.order_type == "market" else str(order.step),
            _price(order.vwap),
            _price(order.arrival_mid),
            basis_points(order.spread_bps).removeprefix("+"),
            basis_points(order.slippage_bps),
            dollars(order.slippage_dollars),
        )
    return table


def crosses_table(crosses: Sequence[Crossed]) -> Table:
    """What the books traded with each other, and the spread it saved both sides."""
    table = report_table(
        "Between the books, at the mid", ("symbol",), ("crosses", "shares", "saved spread")
    )
    symbols = sorted({cross.symbol for cross in crosses})
    groups = [[cross for cross in crosses if cross.symbol == symbol] for symbol in symbols]
    saved = round_to_total([saved_spread(own) for own in groups])
    for symbol, own, dollars_saved in zip(symbols, groups, saved, strict=True):
        quantity = sum((cross.quantity for cross in own), ZERO)
        table.add_row(symbol, str(len(own)), shares(quantity), dollars(dollars_saved))
    table.add_section()
    table.add_row("all", str(len(crosses)), "", dollars(saved_spread(crosses)), style="bold")
    return table


def shortfall_table(found: Sequence[tuple[str, Shortfall | None]]) -> Table:
    """The implementation shortfall of blocks, given each one's side; None where it is not known."""
    table = report_table(
        "Implementation shortfall, dollars against the mids that were planned at",
        ("side",),
        ("blocks", "to trade", "delay", "trading", "unfilled", "shortfall", "basis points"),
    )
    known = [(side, made) for side, made in found if made is not None]
    for side in ("buy", "sell"):
        own = [made for of, made in known if of == side]
        if own:
            table.add_row(side, *_shortfall_cells(own))
    table.add_section()
    table.add_row("all", *_shortfall_cells([made for _, made in known]), style="bold")
    unknown = len(found) - len(known)
    if unknown:
        table.caption = (
            f"left out: {unknown} without a price when planned, or unfilled and without a close"
        )
        table.caption_justify = "left"
    return table


def _shortfall_cells(parts: Sequence[Shortfall]) -> tuple[str, ...]:
    total = sum(parts, NO_SHORTFALL)
    return (
        str(len(parts)),
        dollars(total.paper),
        *(
            dollars(amount, signed=True)
            for amount in (total.delay, total.trading, total.unfilled, total.dollars)
        ),
        basis_points(total.bps),
    )


def _price(price: Decimal | None) -> str:
    return NOTHING if price is None else f"{price:,.4f}"
