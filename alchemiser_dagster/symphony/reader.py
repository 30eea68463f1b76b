"""From text to forms: one combined regular expression for the tokens, one loop for the nesting.

Neither recurses, so a hostile text can at worst be refused. What a form *means* is the business
of the builder that is handed each closed bracket; the reader only knows brackets, strings,
numbers, keywords and symbols.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from alchemiser_dagster.symphony.errors import (
    Position,
    SymphonyError,
    SymphonySyntaxError,
    SymphonyValidationError,
)

MAX_DEPTH: Final = 300
MAX_BYTES: Final = 10_000_000
MAX_TOKENS: Final = 1_000_000
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
    items: tuple[Any, ...] = ()

    @property
    def head(self) -> str:
        """The symbol a list starts with, empty for anything else."""
        if self.kind is not Kind.LIST or not self.items:
            return ""
        first = self.items[0]
        return first.text if isinstance(first, Form) and first.kind is Kind.SYMBOL else ""

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


class Builder(Protocol):
    """What becomes of a closed bracket; its `items` are atoms, or what became of inner brackets."""

    def close(self, kind: Kind, offset: int, items: tuple[Any, ...]) -> object:
        """A list, vector or map that starts at `offset`; maps have an even count of items."""

    def known_call(self, text: str, offset: int) -> object | None:
        """The same for the text of a whole call without inner calls, if it is known already."""


# Blanks, commas and comments are eaten in front of each token. Quantifiers are possessive: no
# text can make the scanner go back over what it has read.
_BLANKS = r"(?:[\s,]++|;[^\n]*+)*+"
_TOKENS = r"""
        ([(\[{])
      | ([)\]}])
      | "([^"\\]*+(?:\\.[^"\\]*+)*+)"
      | ([+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)
      | ([A-Za-z_><=!?+*/\-][A-Za-z0-9_><=!?+*/\-]*+)
      | :([A-Za-z_][A-Za-z0-9_\-]*+)
      | (.)
      | \Z
"""
# A call of atoms and flat maps, such as (rsi "SPY" {:window 10}). Texts repeat a few of them
# thousands of times, so they are looked up whole before they are taken apart.
_CALL = r"""(\([^()\[\]{}";]*+(?:(?:"[^"\\]*+"|\{[^()\[\]{}";]*+\})[^()\[\]{}";]*+)*+\))"""
_TOKEN = re.compile(f"{_BLANKS}(?:{_TOKENS})", re.VERBOSE | re.DOTALL)
_TOKEN_OR_CALL = re.compile(f"{_BLANKS}(?:{_CALL}|{_TOKENS})", re.VERBOSE | re.DOTALL)
_OPEN, _CLOSE, _STRING, _NUMBER, _SYMBOL, _KEYWORD, _STRAY = range(1, 8)
_KINDS = {"(": (Kind.LIST, ")"), "[": (Kind.VECTOR, "]"), "{": (Kind.MAP, "}")}
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t", "\\r": "\r"}
_ESCAPE = re.compile(r"\\.", re.DOTALL)


def read(source: SourceText, builder: Builder) -> Any:
    """Read the one top-level form of a text: an atom as a form, a bracket as `builder` made it.

    Raises SymphonySyntaxError for empty text, text after the form, wrong, missing or stray
    closers, unterminated strings, stray characters, maps with an odd count, numbers out of
    range, nesting deeper than 300, more than 1,000,000 tokens (a call without inner calls counts
    as one) and texts of more than 10 MB.
    """
    _check_size(source)
    reading = _Reading(source, builder)
    reading.calls()
    if reading.opened:
        opener, start, _ = reading.opened[-1]
        _fail(source, start, f"missing {_KINDS[opener][1]!r}: this {opener!r} is never closed")
    if not reading.items:
        _fail(source, 0, "expected a symphony, was an empty text")
    if len(reading.items) > 1:
        _fail(source, reading.items[1].offset, "expected one top-level form, was another one")
    return reading.items[0]


class _Reading:
    """The state between two tokens: the brackets that are open, and what the innermost holds."""

    def __init__(self, source: SourceText, builder: Builder) -> None:
        self.source = source
        self.builder = builder
        self.opened: list[tuple[str, int, list[Any]]] = []
        self.items: list[Any] = []

    def calls(self) -> None:
        """Read the whole text, looking calls up before taking them apart."""
        text, known_call = self.source.text, self.builder.known_call
        for number, match in enumerate(_TOKEN_OR_CALL.finditer(text)):
            token = match.lastindex
            if number == MAX_TOKENS:
                self.fail(match.end(), f"expected at most {MAX_TOKENS:,} tokens, was more")
            if token == 1:
                offset = match.start(1)
                if len(self.opened) < MAX_DEPTH - 1:  # its own brackets count as well
                    known = known_call(match[1], offset)
                    if known is not None:
                        self.items.append(known)
                        continue
                for inner in _TOKEN.finditer(text, offset, match.end()):
                    if inner.lastindex is not None:
                        self.token(inner, inner.lastindex)
            elif token is not None:
                self.token(match, token - 1)

    def token(self, match: re.Match[str], token: int) -> None:
        """Take one token in."""
        text = match[match.lastindex or 0]
        offset = match.start(match.lastindex or 0)
        if token == _OPEN:
            if len(self.opened) == MAX_DEPTH:
                self.fail(offset, f"expected at most {MAX_DEPTH} nested brackets, was deeper")
            self.opened.append((text, offset, self.items))
            self.items = []
        elif token == _CLOSE:
            self.close(text, offset)
        elif token == _SYMBOL:
            self.items.append(Form(Kind.SYMBOL, offset, text))
        elif token == _STRING:
            self.items.append(Form(Kind.STRING, offset - 1, _unescape(text).strip()))
        elif token == _NUMBER:
            _check_number(self.source, text, offset)
            self.items.append(Form(Kind.NUMBER, offset, text))
        elif token == _KEYWORD:
            self.items.append(Form(Kind.KEYWORD, offset - 1, text))
        elif text == '"':
            self.fail(offset, "unterminated string: its closing quote is missing")
        else:
            self.fail(offset, f"unexpected character {text!r}")

    def close(self, text: str, offset: int) -> None:
        """Close the innermost bracket."""
        if not self.opened:
            self.fail(offset, f"stray closer {text!r}: nothing is open")
        opener, start, outer = self.opened.pop()
        kind, closer = _KINDS[opener]
        if closer != text:
            line, column = self.source.position(start)
            self.fail(
                offset,
                f"expected {closer!r} to close the {opener!r} of line {line} column {column}, "
                f"was {text!r}",
            )
        if kind is Kind.MAP and len(self.items) % 2:
            self.fail(start, "expected a value for each key of the map")
        outer.append(self.builder.close(kind, start, tuple(self.items)))
        self.items = outer

    def fail(self, offset: int, message: str) -> NoReturn:
        """Raise an error that points at an offset."""
        _fail(self.source, offset, message)


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
