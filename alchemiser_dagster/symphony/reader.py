"""Text to forms: one combined regular expression for the tokens, one loop for the nesting.

Neither recurses, so a hostile text can at worst be refused. What a form *means* is the
compiler's business; the reader only knows brackets, strings, numbers, keywords and symbols.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple, NoReturn

from alchemiser_dagster.symphony.errors import (
    Position,
    SymphonyError,
    SymphonySyntaxError,
    SymphonyValidationError,
)

MAX_DEPTH: Final = 300
MAX_BYTES: Final = 10_000_000
MAX_NUMBER_LENGTH: Final = 60
MAX_NUMBER_EXPONENT: Final = 30


class Kind(StrEnum):
    """What a form is."""

    LIST = "list"
    VECTOR = "vector"
    MAP = "map"
    STRING = "string"
    NUMBER = "number"
    KEYWORD = "keyword"
    SYMBOL = "symbol"


class Form(NamedTuple):
    """One form of the text; `offset` is where it starts.

    Lists, vectors and maps have `items` (a map alternates keys and values), the others `text`:
    a string's content, a keyword without its colon, a number or symbol as it is written.
    """

    kind: Kind
    offset: int
    text: str = ""
    items: tuple[Form, ...] = ()

    @property
    def head(self) -> str:
        """The symbol a list starts with, empty for anything else."""
        if self.kind is not Kind.LIST or not self.items or self.items[0].kind is not Kind.SYMBOL:
            return ""
        return self.items[0].text

    @property
    def number(self) -> Decimal:
        """A number, exactly."""
        return Decimal(self.text)


class SourceText:
    """Text with a name (a file name, usually) that translates offsets to lines and columns."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def position(self, offset: int) -> Position:
        """Line and column of an offset."""
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def place(self, offset: int) -> str:
        """`file:line:column` of an offset."""
        line, column = self.position(offset)
        return f"{self.name}:{line}:{column}"

    def error(
        self, offset: int, message: str, kind: type[SymphonyError] = SymphonyValidationError
    ) -> SymphonyError:
        """An error that points at an offset."""
        line, column = self.position(offset)
        start = self._line_starts[line - 1]
        end = self.text.find("\n", start)
        source_line = self.text[start : end if end >= 0 else len(self.text)]
        return kind(message, self.name, line, column, source_line)

    def fail(
        self, offset: int, message: str, kind: type[SymphonyError] = SymphonyValidationError
    ) -> NoReturn:
        """Raise an error that points at an offset."""
        raise self.error(offset, message, kind)


# Blanks, commas and comments are eaten in front of each token. Quantifiers are possessive: no
# text can make the scanner go back over what it has read.
_TOKEN = re.compile(
    r"""
    (?:[\s,]++|;[^\n]*+)*+
    (?: ([(\[{])
      | ([)\]}])
      | "([^"\\]*+(?:\\.[^"\\]*+)*+)"
      | ([+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)
      | ([A-Za-z_><=!?+*/\-][A-Za-z0-9_><=!?+*/\-]*+)
      | :([A-Za-z_][A-Za-z0-9_\-]*+)
      | (.)
      | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE, _STRING, _NUMBER, _SYMBOL, _KEYWORD, _STRAY = range(1, 8)
_KINDS = {"(": (Kind.LIST, ")"), "[": (Kind.VECTOR, "]"), "{": (Kind.MAP, "}")}
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t", "\\r": "\r"}
_ESCAPE = re.compile(r"\\.", re.DOTALL)


def read_form(source: SourceText) -> Form:
    """Read the one top-level form of a text.

    Raises SymphonySyntaxError for empty text, text after the form, wrong, missing or stray
    closers, unterminated strings, stray characters, maps with an odd count, numbers out of
    range, nesting deeper than 300 and texts of more than 10 MB.
    """
    _check_size(source)
    depth = 0
    opened: list[tuple[str, int, list[Form]]] = []
    items: list[Form] = []
    append = items.append
    for match in _TOKEN.finditer(source.text):
        token = match.lastindex
        if token is None:
            break
        offset = match.start(token)
        if token == _OPEN:
            if depth == MAX_DEPTH:
                _fail(source, offset, f"expected at most {MAX_DEPTH} nested brackets, was deeper")
            depth += 1
            opened.append((match[token], offset, items))
            items = []
            append = items.append
        elif token == _CLOSE:
            if not opened:
                _fail(source, offset, f"stray closer {match[token]!r}: nothing is open")
            opener, start, outer = opened.pop()
            kind, closer = _KINDS[opener]
            if closer != match[token]:
                line, column = source.position(start)
                _fail(
                    source,
                    offset,
                    f"expected {closer!r} to close the {opener!r} of line {line} column {column}, "
                    f"was {match[token]!r}",
                )
            if kind is Kind.MAP and len(items) % 2:
                _fail(source, start, "expected a value for each key of the map")
            outer.append(Form(kind, start, "", tuple(items)))
            items = outer
            append = items.append
            depth -= 1
        elif token == _SYMBOL:
            append(Form(Kind.SYMBOL, offset, match[_SYMBOL]))
        elif token == _STRING:
            append(Form(Kind.STRING, offset - 1, _unescape(match[_STRING]).strip()))
        elif token == _NUMBER:
            _check_number(source, match[_NUMBER], offset)
            append(Form(Kind.NUMBER, offset, match[_NUMBER]))
        elif token == _KEYWORD:
            append(Form(Kind.KEYWORD, offset - 1, match[_KEYWORD]))
        elif match[_STRAY] == '"':
            _fail(source, offset, "unterminated string: its closing quote is missing")
        else:
            _fail(source, offset, f"unexpected character {match[_STRAY]!r}")
    if opened:
        opener, start, _ = opened[-1]
        _fail(source, start, f"missing {_KINDS[opener][1]!r}: this {opener!r} is never closed")
    if not items:
        _fail(source, 0, "expected a symphony, was an empty text")
    if len(items) > 1:
        _fail(source, items[1].offset, "expected one top-level form, was another one")
    return items[0]


def _check_size(source: SourceText) -> None:
    text = source.text
    if len(text) * 4 > MAX_BYTES and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        _fail(source, 0, f"expected a text of at most {MAX_BYTES:,} bytes, was longer")


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[0], found[0]), text)


def _check_number(source: SourceText, text: str, offset: int) -> None:
    # An exponent such as 1e999999 is a short text for a number nobody could add up.
    value = Decimal(text) if len(text) <= MAX_NUMBER_LENGTH else None
    if value is None or (value and abs(value.adjusted()) > MAX_NUMBER_EXPONENT):
        _fail(
            source,
            offset,
            f"expected a number of at most {MAX_NUMBER_LENGTH} characters between "
            f"1e-{MAX_NUMBER_EXPONENT} and 1e{MAX_NUMBER_EXPONENT}",
        )


def _fail(source: SourceText, offset: int, message: str) -> NoReturn:
    source.fail(offset, message, SymphonySyntaxError)
