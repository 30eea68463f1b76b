"""The text of a symphony, and where in it an offset lies."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from alchemiser_dagster.symphony.errors import SymphonyError


class Source:
    """Text with a name (a file name, usually) that translates offsets to lines and columns."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def place(self, offset: int) -> str:
        """`file:line:column` of an offset."""
        line, column = self.line_column(offset)
        return f"{self.name}:{line}:{column}"

    def error(self, kind: type[SymphonyError], message: str, offset: int) -> SymphonyError:
        """An error of the given kind that points at an offset."""
        line, column = self.line_column(offset)
        start = self._line_starts[line - 1]
        end = self.text.find("\n", start)
        source_line = self.text[start : end if end >= 0 else len(self.text)]
        return kind(message, self.name, line, column, source_line)
