"""The commands that look after the records, a part of `alchemiser --help`."""

from typing import Annotated

import typer

app = typer.Typer()
PANEL = "Upkeep"


@app.command(rich_help_panel=PANEL)
def diagnose(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object, for machines.")] = (
        False
    ),
) -> None:
    """Look at everything that should hold: ledger, tables and, if it answers, the broker.

    Failures come first, each with what to do. Exit code 1 when there are any. It changes nothing.
    """
    from alchemiser_dagster.commands.diagnose import diagnose as look

    look(json=as_json)


@app.command(rich_help_panel=PANEL)
def create_tables() -> None:
    """Make the DynamoDB tables that ALCHEMISER_PUBLISH_LEDGER and ..._PERFORMANCE name.

    With indexes, expiry and recovery; one that is there is given what it lacks, and keeps its
    items.
    """
    from alchemiser_dagster.commands.create_tables import create_tables as make

    make()


@app.command("backfill-ledger", rich_help_panel=PANEL)
def backfill_ledger(
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the books that were rebuilt before.")
    ] = False,
    swap: Annotated[
        bool,
        typer.Option(
            "--swap",
            help="Put the rebuilt books in the ledger's place, after a typed confirmation.",
        ),
    ] = False,
) -> None:
    """Rebuild the books from the broker's history in a ledger beside yours, and compare the two.

    Your ledger changes only with --swap. Exit code 1 where ledger, rebuilt books and broker differ.
    """
    from alchemiser_dagster.commands.backfill_ledger import backfill_ledger as rebuild

    rebuild(fresh=fresh, swap_them=swap)
