"""What the commands share: the consoles, and how a failure ends a command."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

out = Console(width=None if sys.stdout.isatty() else 100)
"""Standard output; a width of its own where it goes to a file or a pipe."""
err = Console(stderr=True)


def fail(message: str) -> NoReturn:
    """Say what went wrong and end the command with exit code 1."""
    err.print(message, style="bold red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)
