"""Back to text: a symphony in the language's own spelling, one form a line.

Reading what is printed gives the same graph: `read_symphony(print_symphony(s)).root is s.root`.
Names of groups and the title are kept; comments, display names of assets and the many accepted
spellings (positional windows, percent strings, `EQUITIES::` tickers) are not.
"""

from __future__ import annotations

from decimal import Decimal

from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparison,
    Equal,
    Filter,
    If,
    Indicator,
    InverseVolatility,
    Number,
    Specified,
)
from alchemiser_dagster.symphony.symphony import Symphony
from alchemiser_dagster.symphony.terms import Occurrence
from alchemiser_dagster.symphony.vocabulary import INDICATORS

INDENT = " "


def print_symphony(symphony: Symphony) -> str:
    """Canonical text, with a line break at the end."""
    schedule = symphony.rebalancing
    if schedule.frequency is not None:
        header = f":rebalance-frequency :{schedule.frequency}"
    else:
        header = f":rebalance-threshold {schedule.threshold}"
    lines = [
        "(defsymphony",
        f"{INDENT}{_quoted(symphony.title)}",
        f'{INDENT}{{:asset-class "EQUITIES", {header}}}',
    ]
    # Texts to print as they are, and occurrences still to be taken apart, in order.
    waiting: list[tuple[int, Occurrence | str, str]] = [(1, symphony.tree, ")")]
    while waiting:
        depth, what, closers = waiting.pop()
        if isinstance(what, str):
            lines.append(INDENT * depth + what + closers)
        else:
            waiting.extend(reversed(_expanded(what, depth, closers)))
    return "\n".join(lines) + "\n"


_Lines = list[tuple[int, Occurrence | str, str]]


def _expanded(at: Occurrence, depth: int, closers: str) -> _Lines:
    """The lines of one portfolio, its children left as they are; `closers` follow the last one."""
    if at.label is not None:
        plain = at._replace(label=None)
        return [
            (depth, f"(group {_quoted(at.label)}", ""),
            (depth + 1, "[", ""),
            (depth + 2, plain, "])" + closers),
        ]
    match at.node:
        case Asset(symbol):
            return [(depth, f"(asset {_quoted(symbol)})", closers)]
        case Equal():
            return _vector("(weight-equal", at.parts, depth, closers)
        case InverseVolatility(window, _):
            return _vector(f"(weight-inverse-volatility {window}", at.parts, depth, closers)
        case Filter(metric, top, count, _):
            opening = f"(filter {_call(metric)} (select-{'top' if top else 'bottom'} {count})"
            return _vector(opening, at.parts[1:], depth, closers)
        case Specified(shares, _):
            lines: _Lines = [(depth, "(weight-specified", "")]
            for share, part in zip(shares, at.parts, strict=True):
                lines += [(depth + 1, _number(share), ""), (depth + 1, part, "")]
            return _closed(lines, ")" + closers)
        case If(condition, _, _):
            lines = [(depth, f"(if {_condition(condition)}", "")]
            for branch in at.parts[1:]:
                lines += [(depth + 1, "[", ""), (depth + 2, branch, "]")]
            return _closed(lines, ")" + closers)
    raise TypeError(f"expected a portfolio, was {type(at.node).__name__}")


def _vector(opening: str, parts: tuple[Occurrence, ...], depth: int, closers: str) -> _Lines:
    lines: _Lines = [(depth, opening, ""), (depth + 1, "[", "")]
    lines += [(depth + 2, part, "") for part in parts]
    return _closed(lines, "])" + closers)


def _closed(lines: _Lines, closers: str) -> _Lines:
    depth, what, before = lines[-1]
    return [*lines[:-1], (depth, what, before + closers)]


def _condition(condition: Comparison | All | Any) -> str:
    """One line; one Python frame for each `and` or `or` inside another."""
    match condition:
        case Comparison(comparator, left, right):
            return f"({comparator} {_operand(left)} {_operand(right)})"
        case All(parts):
            return f"(and {' '.join([_condition(part) for part in parts])})"
        case Any(parts):
            return f"(or {' '.join([_condition(part) for part in parts])})"


def _operand(operand: Indicator | Number) -> str:
    return _number(operand.value) if isinstance(operand, Number) else _call(operand)


def _call(indicator: Indicator) -> str:
    words = [indicator.name]
    if indicator.symbol:
        words.append(_quoted(indicator.symbol))
    if indicator.windows:
        names = INDICATORS[indicator.name].parameters
        pairs = [f":{name} {w}" for name, w in zip(names, indicator.windows, strict=True)]
        words.append("{" + ", ".join(pairs) + "}")
    return f"({' '.join(words)})"


def _number(value: Decimal) -> str:
    return f"{value:f}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + escaped.replace("\t", "\\t").replace("\r", "\\r") + '"'
