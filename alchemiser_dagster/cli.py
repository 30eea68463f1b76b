"""The command line: `alchemiser --help`."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from alchemiser_dagster import (
    book_commands,
    operator_commands,
    report_commands,
    upkeep_commands,
)
from alchemiser_dagster.settings import VAR

app = typer.Typer(
    help="Many rule-based strategies on one account, a book each.\n\n"
    "Start with [bold]alchemiser run[/bold]: it replays the last sessions with every strategy in "
    "strategies/ on the embedded market and broker, where nothing leaves this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

FromOption = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="First session."),
]
ToOption = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Last session."),
]
BarsOption = Annotated[
    Path | None,
    typer.Option(
        "--bars",
        metavar="FILE",
        help="A parquet of daily bars: symbol, date, open, high, low, close, volume, and adj_close "
        "where there is one. Without it the market is synthetic.",
    ),
]


@app.command()
def run(
    sessions: Annotated[int, typer.Option(min=1, help="How many of the last sessions.")] = 20,
    bars: BarsOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Set the earlier account aside and start a new one.")
    ] = False,
) -> None:
    """Replay sessions on the embedded broker and print what every book did.

    Run again, it goes on after the last session traded; an interrupted run is simply run again.
    Each bars file has an account of its own.
    """
    from alchemiser_dagster.commands.run import run as replay

    replay(sessions, bars, _day(from_), _day(to), fresh=fresh)


@app.command()
def weights(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.clj...", help="Strategy files.")],
    bars: Annotated[Path, typer.Option("--bars", metavar="FILE", help="Daily bars (parquet).")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write (parquet).")],
    from_: FromOption = None,
    to: ToOption = None,
) -> None:
    """Evaluate strategies over a bars file: rows of date, strategy, symbol, weight.

    `date` is the session whose close is the last bar used; there is a row for every positive
    weight. Sessions without a signal are left out and counted on stderr with their reasons.
    """
    from alchemiser_dagster.commands.weights import weights as evaluate

    evaluate(files, bars, _day(from_), _day(to), out)


@app.command()
def check(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Strategy files, or folders of them.")
    ],
    bars: Annotated[
        Path | None,
        typer.Option(
            "--bars", metavar="FILE", help="Daily bars (parquet); the synthetic market without it."
        ),
    ] = None,
) -> None:
    """Check strategies: what they need, and conditions that never or always hold.

    `parts` are the distinct portfolios of a strategy, `needed` those left when redundant ones are
    taken out. Exit code 1 when a file cannot be read or a symbol has no bars.
    """
    from alchemiser_dagster.commands.check import check as inspect

    inspect(paths, bars)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE.clj", help="Strategy file.")],
) -> None:
    """Print a strategy in canonical text, which reads back as the very same strategy."""
    from alchemiser_dagster.commands.show import show as write

    write(file)


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE.clj", help="Strategy file.")],
    bars: Annotated[Path, typer.Option("--bars", metavar="FILE", help="Daily bars (parquet).")],
    day: Annotated[
        datetime,
        typer.Option(
            "--date", formats=["%Y-%m-%d"], metavar="DATE", help="Session of the last close used."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON instead of a tree.")] = False,
) -> None:
    """Show why a strategy holds what it holds: the path taken and how close each decision was."""
    from alchemiser_dagster.commands.explain import explain_session

    explain_session(file, bars, day.date(), as_json=as_json)


@app.command()
def backtest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.clj...", help="Strategy files.")],
    bars: Annotated[Path, typer.Option("--bars", metavar="FILE", help="Daily bars (parquet).")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")],
    cost_bps: Annotated[
        float, typer.Option(min=0, help="Cost of trading, basis points of the value traded.")
    ] = 0.0,
    lag: Annotated[
        int,
        typer.Option(min=0, help="Sessions between the deciding close and the trade; 0 is ideal."),
    ] = 1,
) -> None:
    """Follow strategies on paper: weights, daily returns, turnover and statistics."""
    from alchemiser_dagster.commands.backtest import backtest as follow

    follow(files, bars, cost_bps, lag, out)


@app.command()
def broker(
    bars: BarsOption = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8030,
    state: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the broker keeps its account.")
    ] = VAR / "broker" / "state.db",
    clock: Annotated[
        str,
        typer.Option(
            metavar="MODE",
            help="How time passes. manual: only POST /_sim/clock moves it. per_request[:SECONDS]: "
            "each look at the clock or an order does, so that a loop that waits for a fill ends. "
            "scaled[:SPEED]: with the wall clock, SPEED times as fast.",
        ),
    ] = "per_request",
    profile: Annotated[
        str,
        typer.Option(
            help="How orders fill. paper: at the quote, whatever the size. realistic: by what "
            "is shown and traded, with fees and dividends. cash_strict: as paper, but the "
            "proceeds of a sale are spendable only once settled.",
        ),
    ] = "paper",
    faults: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A TOML file of what is to go wrong, for example: [\\[fault]] / action = "
            '"status" / status = 503 / match = {path = "/v2/orders"} / times = 2. '
            "docs/embedded_broker.md has them all.",
        ),
    ] = None,
) -> None:
    """Start the embedded, Alpaca-compatible broker alone, for any alpaca-py program."""
    from alchemiser_dagster.commands.broker import broker as serve
    from alchemiser_dagster.commands.broker import clock_mode
    from alchemiser_dagster.embedded import PROFILES

    try:
        mode = clock_mode(clock)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--clock") from error
    if profile not in PROFILES:
        raise typer.BadParameter(
            f"expected {', '.join(PROFILES)}, was {profile!r}", param_hint="--profile"
        )
    serve(bars, port, state, mode, PROFILES[profile], faults)


@app.command()
def status() -> None:
    """Show where the account stands; exit code 1 when something needs attention."""
    from alchemiser_dagster.commands.status import status as show

    show()


@app.command()
def reconcile() -> None:
    """Compare the books with the broker now; exit code 1 when somebody must look.

    It only reads: the next trading session acts on what still differs then.
    """
    from alchemiser_dagster.commands.reconcile import reconcile as compare

    compare()


@app.command()
def preview() -> None:
    """Show what the next session would send, book by book, and why not; it sends nothing.

    Exit code 1 when a symbol has no usable quote, no book can be planned, or the session would be
    refused.
    """
    from alchemiser_dagster.commands.preview import preview as look_ahead

    look_ahead()


@app.command()
def bars(
    session: Annotated[
        datetime | None,
        typer.Argument(
            formats=["%Y-%m-%d"], metavar="[SESSION]", help="The last completed one without it."
        ),
    ] = None,
) -> None:
    """Take the snapshot of a session's bars now, check it, and list what was found.

    An interrupted download goes on where it stopped. Exit code 1 when a book could not trade on it.
    """
    from alchemiser_dagster.commands.bars import bars as take

    take(_day(session))


@app.command()
def restated(
    session: Annotated[
        datetime | None,
        typer.Argument(
            formats=["%Y-%m-%d"], metavar="[SESSION]", help="The latest snapshot without it."
        ),
    ] = None,
) -> None:
    """Show what a snapshot restates of the one before, and which past signals would differ."""
    from alchemiser_dagster.commands.restated import restated as compare

    compare(_day(session))


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Open Dagster's web UI over the account used last."""
    from alchemiser_dagster.commands.ui import ui as serve

    serve(port)


app.add_typer(book_commands.app)
app.add_typer(operator_commands.app)
app.add_typer(report_commands.app)
app.add_typer(upkeep_commands.app)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
