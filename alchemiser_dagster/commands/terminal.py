"""What the commands share: the consoles, progress bars, and how a failure ends a command."""

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

# Without emoji: the scope `book:a:` is a book's, and no picture.
out = Console(width=None if sys.stdout.isatty() else 100, emoji=False)
"""Standard output; a width of its own where it goes to a file or a pipe."""
err = Console(stderr=True, emoji=False)


def progress_bar() -> Progress:
    """On standard error: what is done now, how much of all is done, and for how long."""
    return Progress(
        TextColumn("{task.description:28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
    )


def fail(message: str) -> NoReturn:
    """Say what went wrong and end the command with exit code 1."""
    err.print(message, style="bold red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)
