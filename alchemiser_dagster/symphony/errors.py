"""What can go wrong with a symphony: its text, or its signal on one session."""

from __future__ import annotations

import datetime

_EXCERPT_WIDTH = 120


class SymphonyError(Exception):
    """A text that is no valid symphony, pointing at the place.

    `str()` gives `file:line:column: message`, the source line and a line with a caret. Lines and
    columns count from 1; columns count characters.
    """

    def __init__(self, message: str, file: str, line: int, column: int, source_line: str) -> None:
        super().__init__(message, file, line, column, source_line)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.source_line = source_line

    def __str__(self) -> str:
        start = max(0, self.column - 1 - _EXCERPT_WIDTH * 2 // 3)
        excerpt = self.source_line[start : start + _EXCERPT_WIDTH]
        shown = "".join(c if c.isprintable() else " " for c in excerpt)
        caret = " " * (self.column - 1 - start) + "^"
        return f"{self.file}:{self.line}:{self.column}: {self.message}\n{shown}\n{caret}"


class SymphonySyntaxError(SymphonyError):
    """The text cannot be read: brackets, strings, characters, limits."""


class SymphonyValidationError(SymphonyError):
    """The text reads well, but a form does not mean anything: wrong arguments, values, header."""


class UnknownOperatorError(SymphonyValidationError):
    """A call of an operator that the language does not have."""


class SignalUnavailable(Exception):
    """A symphony has no weights on a session; `reason` names the symbol, indicator and place."""

    def __init__(self, symphony: str, session: datetime.date, reason: str) -> None:
        super().__init__(symphony, session, reason)
        self.symphony = symphony
        self.session = session
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.symphony}: no signal on {self.session}: {self.reason}"
