"""Text to forms: one combined regular expression for the tokens, one loop for the nesting.

Neither recurses, so a hostile text can at worst be refused. What a form *means* is the
compiler's business; the reader only knows brackets, strings, numbers, keywords and symbols.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

from alchemiser_dagster.symphony.errors import SymphonySyntaxError
from alchemiser_dagster.symphony.source import Source

MAX_DEPTH: Final = 300
MAX_BYTES: Final = 10_000_000
MAX_NUMBER_LENGTH: Final = 60
MAX_NUMBER_EXPONENT: Final = 30

LIST: Final = "list"
VECTOR: Final = "vector"
MAP: Final = "map"
STRING: Final = "string"
NUMBER: Final = "number"
KEYWORD: Final = "keyword"
SYMBOL: Final = "symbol"


class Form(NamedTuple):
    """One form of the text.

    `value` is a tuple of forms for lists, vectors and maps (a map alternates keys and values),
    a Decimal for numbers and text for the rest (keywords without their colon). `offset` is where
    the form starts; `Source.line_column` turns it into a line and a column.
    """

    kind: str
    value: Any
    offset: int


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
_KINDS = {"(": (LIST, ")"), "[": (VECTOR, "]"), "{": (MAP, "}")}
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t", "\\r": "\r"}
_ESCAPE = re.compile(r"\\.", re.DOTALL)


def read_form(source: Source) -> Form:
    """Read the one top-level form of a text.

    Raises SymphonySyntaxError for empty text, text after the form, wrong, missing or stray
    closers, unterminated strings, stray characters, maps with an odd count, numbers out of
    range, nesting deeper than 300 and texts of more than 10 MB.
    """
    text = source.text
    _check_size(source)
    depth = 0
    opened: list[tuple[str, int, list[Form]]] = []
    items: list[Form] = []
    append = items.append
    for match in _TOKEN.finditer(text):
        token = match.lastindex
        if token is None:
            break
        if token == _OPEN:
            if depth == MAX_DEPTH:
                raise _error(
                    source,
                    f"expected at most {MAX_DEPTH} nested brackets, was deeper",
                    match.start(token),
                )
            depth += 1
            opened.append((match[token], match.start(token), items))
            items = []
            append = items.append
        elif token == _CLOSE:
            offset = match.start(token)
            if not opened:
                raise _error(source, f"stray closer {match[token]!r}: nothing is open", offset)
            opener, start, outer = opened.pop()
            kind, closer = _KINDS[opener]
            if closer != match[token]:
                line, column = source.line_column(start)
                raise _error(
                    source,
                    f"expected {closer!r} to close the {opener!r} of line {line} column {column}, "
                    f"was {match[token]!r}",
                    offset,
                )
            if kind is MAP and len(items) % 2:
                raise _error(source, "expected a value for each key of the map", start)
            outer.append(Form(kind, tuple(items), start))
            items = outer
            append = items.append
            depth -= 1
        elif token == _STRING:
            append(Form(STRING, _unescape(match[_STRING]).strip(), match.start(_STRING) - 1))
        elif token == _NUMBER:
            append(_number(source, match[_NUMBER], match.start(_NUMBER)))
        elif token == _SYMBOL:
            append(Form(SYMBOL, match[_SYMBOL], match.start(_SYMBOL)))
        elif token == _KEYWORD:
            append(Form(KEYWORD, match[_KEYWORD], match.start(_KEYWORD) - 1))
        else:
            raise _stray(source, match[_STRAY], match.start(_STRAY))
    if opened:
        opener, start, _ = opened[-1]
        closer = _KINDS[opener][1]
        raise _error(source, f"missing {closer!r}: this {opener!r} is never closed", start)
    if not items:
        raise _error(source, "expected a symphony, was an empty text", 0)
    if len(items) > 1:
        raise _error(source, "expected one top-level form, was another one", items[1].offset)
    return items[0]


def _check_size(source: Source) -> None:
    text = source.text
    if len(text) * 4 > MAX_BYTES and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _error(source, f"expected a text of at most {MAX_BYTES:,} bytes, was longer", 0)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[0], found[0]), text)


def _number(source: Source, text: str, offset: int) -> Form:
    # An exponent such as 1e999999 is a short text for a number nobody could add up.
    value = Decimal(text) if len(text) <= MAX_NUMBER_LENGTH else None
    if value is None or (value and abs(value.adjusted()) > MAX_NUMBER_EXPONENT):
        raise _error(
            source,
            f"expected a number of at most {MAX_NUMBER_LENGTH} characters between "
            f"1e-{MAX_NUMBER_EXPONENT} and 1e{MAX_NUMBER_EXPONENT}",
            offset,
        )
    return Form(NUMBER, value, offset)


def _stray(source: Source, character: str, offset: int) -> Exception:
    if character == '"':
        return _error(source, "unterminated string: its closing quote is missing", offset)
    return _error(source, f"unexpected character {character!r}", offset)


def _error(source: Source, message: str, offset: int) -> Exception:
    return source.error(SymphonySyntaxError, message, offset)
