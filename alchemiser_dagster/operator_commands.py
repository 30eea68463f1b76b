"""The commands with which an operator steps in, a part of `alchemiser --help`."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from alchemiser_dagster.market.symbols import broker_symbol

app = typer.Typer()
PANEL = "Stepping in"
SHARE_PLACES, PRICE_PLACES = 9, 6


def _positive(places: int, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    exponent = number.as_tuple().exponent
    if not number.is_finite() or number <= 0 or not isinstance(exponent, int):
        raise typer.BadParameter(f"expected a number above 0, was {text!r}")
    if -exponent > places:
        raise typer.BadParameter(f"expected at most {places} decimal places, was {text!r}")
    return number


def _shares(text: str) -> Decimal:
    return _positive(SHARE_PLACES, text)


def _dollars(text: str) -> Decimal:
    return _positive(PRICE_PLACES, text)


def _one_of(**given: object) -> None:
    named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if len(named) > 1:
        raise typer.BadParameter(f"expected one of them, was {' and '.join(named)}")


BookOption = Annotated[str | None, typer.Option("--book", metavar="NAME", help="One book only.")]
SymbolOption = Annotated[
    str | None,
    typer.Option("--symbol", metavar="SYM", help="One symbol only.", parser=broker_symbol),
]


@app.command(rich_help_panel=PANEL)
def halt(
    book: BookOption = None,
    symbol: SymbolOption = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Kept with the halt, and shown.")
    ] = "asked for by the operator",
) -> None:
    """Stop trading at once: the account, or one book or symbol, and cancel its open orders.

    It holds until `alchemiser resume`. Exit code 1 when an order may still rest at the broker.
    """
    from alchemiser_dagster.commands.halt import halt as stop

    _one_of(book=book, symbol=symbol)
    stop(book, symbol, reason)


@app.command(rich_help_panel=PANEL)
def resume(
    book: BookOption = None,
    symbol: SymbolOption = None,
    daily_loss: Annotated[
        bool, typer.Option("--daily-loss", help="Buy again after a day of heavy loss.")
    ] = False,
    frozen: Annotated[
        str | None,
        typer.Option(
            "--frozen",
            metavar="SYM",
            help="Trade a symbol again in which books and broker differed.",
            parser=broker_symbol,
        ),
    ] = None,
) -> None:
    """Take back a halt, or another rail that is on."""
    from alchemiser_dagster.commands.resume import resume as go_on

    _one_of(book=book, symbol=symbol, daily_loss=daily_loss, frozen=frozen)
    go_on(book, symbol, daily_loss=daily_loss, frozen=frozen)


@app.command(rich_help_panel=PANEL)
def flatten(
    book: Annotated[str, typer.Argument(metavar="BOOK")],
    undo: Annotated[bool, typer.Option("--undo", help="Follow the strategy again.")] = False,
) -> None:
    """Sell a book to cash in the next session, and keep it there."""
    from alchemiser_dagster.commands.flatten import flatten as sell

    sell(book, undo=undo)


@app.command(rich_help_panel=PANEL)
def rails() -> None:
    """List what restricts the trading now."""
    from alchemiser_dagster.commands.rails import rails as show

    show()


@app.command(rich_help_panel=PANEL)
def lots(
    book: Annotated[str, typer.Argument(metavar="BOOK")],
    symbol: Annotated[
        str | None, typer.Argument(metavar="SYMBOL", parser=broker_symbol, show_default=False)
    ] = None,
    chosen: Annotated[
        list[str] | None,
        typer.Argument(metavar="LOT", help="Sold first, in this order.", show_default=False),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Forget the lots chosen for the symbol.")
    ] = False,
) -> None:
    """List a book's open lots, or choose which are sold first (books of lots = "SPECIFIC")."""
    from alchemiser_dagster.commands.lots import lots as show

    if clear and (symbol is None or chosen):
        raise typer.BadParameter("expected BOOK SYMBOL --clear and no lots")
    show(book, symbol, chosen or [], clear=clear)


@app.command(rich_help_panel=PANEL)
def attribute(
    symbol: Annotated[str, typer.Option(metavar="SYM", parser=broker_symbol)],
    quantity: Annotated[Decimal, typer.Option("--qty", metavar="SHARES", parser=_shares)],
    book: Annotated[str, typer.Option("--strategy", metavar="BOOK")],
    price: Annotated[Decimal, typer.Option(metavar="DOLLARS", parser=_dollars)],
) -> None:
    """Give shares that no strategy bought to a book, which pays for them at the price given."""
    from alchemiser_dagster.commands.attribute import attribute as give

    give(symbol, quantity, book, price)
