"""What the commands share: the consoles, and how a failure ends a command."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

# Without emoji: the scope `book:a:` is a book's, and no picture.
out = Console(width=None if sys.stdout.isatty() else 100, emoji=False)
"""Standard output; a width of its own where it goes to a file or a pipe."""
err = Console(stderr=True, emoji=False)


def fail(message: str) -> NoReturn:
    """Say what went wrong and end the command with exit code 1."""
    err.print(message, style="bold red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)
