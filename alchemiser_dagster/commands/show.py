"""`alchemiser show`: a strategy in canonical text."""

from pathlib import Path

import typer

from alchemiser_dagster.commands.inputs import read_strategies
from alchemiser_dagster.symphony.printer import print_symphony


def show(file: Path) -> None:
    """Print the strategy as the printer writes it: one spelling, one layout, comments left out."""
    (symphony,) = read_strategies([file])
    typer.echo(print_symphony(symphony), nl=False)
