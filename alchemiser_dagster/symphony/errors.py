"""What can go wrong: a text that is no valid symphony, a session without a signal."""

from __future__ import annotations

import datetime
from typing import NamedTuple

_EXCERPT_WIDTH = 120


class Position(NamedTuple):
    """A place in a text; lines and columns count from 1, columns in characters."""

    line: int
    column: int


class SymphonyError(Exception):
    """A text that is no valid symphony.

    `str()` gives `file:line:column: message`, the source line and a line with a caret.
    """

    def __init__(self, message: str, file: str, line: int, column: int, source_line: str) -> None:
        super().__init__(message, file, line, column, source_line)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.source_line = source_line

    @property
    def position(self) -> Position:
        """Where in the file."""
        return Position(self.line, self.column)

    def __str__(self) -> str:
        start = max(0, self.column - 1 - _EXCERPT_WIDTH * 2 // 3)
        excerpt = self.source_line[start : start + _EXCERPT_WIDTH]
        shown = "".join(c if c.isprintable() else " " for c in excerpt)
        caret = " " * (self.column - 1 - start) + "^"
        return f"{self.file}:{self.line}:{self.column}: {self.message}\n{shown}\n{caret}"


class SymphonySyntaxError(SymphonyError):
    """The text cannot be read: brackets, strings, characters, limits."""


class SymphonyValidationError(SymphonyError):
    """The text reads well, but a form means nothing: wrong arguments, values or header."""


class UnknownOperatorError(SymphonyValidationError):
    """A call of an operator that the language does not have."""


class SignalUnavailable(Exception):
    """A symphony has no weights in a session; `reason` names the symbol, indicator and place."""

    def __init__(self, symphony: str, session: datetime.date, reason: str) -> None:
        super().__init__(symphony, session, reason)
        self.symphony = symphony
        self.session = session
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.symphony} has no signal on {self.session}: {self.reason}"
