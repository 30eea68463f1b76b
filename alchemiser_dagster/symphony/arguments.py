"""The atoms in a call: tickers, windows, counts and weights, in every accepted spelling."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from alchemiser_dagster.symphony.graph import Asset
from alchemiser_dagster.symphony.reader import Form, Kind
from alchemiser_dagster.symphony.symbols import canonical_symbol
from alchemiser_dagster.symphony.terms import Occurrence, Term, describe
from alchemiser_dagster.symphony.vocabulary import INDICATORS

if TYPE_CHECKING:
    from alchemiser_dagster.symphony.compiler import Compiler

LONGEST_WINDOW: Final = 100_000


def ticker(compiler: Compiler, term: Term) -> str:
    """The canonical symbol of a ticker in quotes, or of `(asset "SPY")`."""
    if isinstance(term, Occurrence) and isinstance(term.node, Asset):
        return term.node.symbol
    if not isinstance(term, Form) or term.kind is not Kind.STRING:
        compiler.fail(
            term.offset, f'expected a ticker in quotes such as "SPY", was {describe(term)}'
        )
    try:
        return canonical_symbol(term.text)
    except ValueError as error:
        raise compiler.error(term.offset, str(error)) from None


def number(compiler: Compiler, term: Term) -> Decimal:
    """A number, or a text that is one."""
    if isinstance(term, Form) and term.kind in (Kind.NUMBER, Kind.STRING):
        try:
            value = Decimal(term.text)
        except InvalidOperation:
            value = Decimal("nan")
        if value.is_finite() and abs(value.adjusted()) <= 30:
            return value
    raise compiler.error(term.offset, f"expected a number, was {describe(term)}")


def share(compiler: Compiler, term: Term) -> Decimal:
    """A weight: 0.6, "0.6", 60 or "60%"; percent strings are divided by 100."""
    if isinstance(term, Form) and term.kind is Kind.STRING and term.text.endswith("%"):
        value = number(compiler, term._replace(text=term.text[:-1].strip())) / 100
    else:
        value = number(compiler, term)
    if value < 0:
        compiler.fail(term.offset, f"expected a weight of at least 0, was {value}")
    return value


def selection_count(compiler: Compiler, term: Term) -> int:
    """How many candidates a filter takes."""
    count = number(compiler, term)
    if count != count.to_integral_value() or count < 1:
        compiler.fail(term.offset, f"expected a whole number of at least 1, was {count}")
    return int(count)


def window(compiler: Compiler, name: str, term: Term, smallest: int = 1) -> int:
    """One window in sessions: 10, "10" or {:window 10}."""
    if isinstance(term, Form) and term.kind is Kind.MAP:
        (found,) = _from_map(compiler, term, name, ("window",), smallest)
        return found
    return _days(compiler, name, term, smallest)


def windows(
    compiler: Compiler, offset: int, name: str, arguments: Sequence[Term]
) -> tuple[int, ...]:
    """The windows of an indicator, by name in a map or by position."""
    signature = INDICATORS[name]
    wanted, smallest = signature.parameters, signature.smallest_window
    first = arguments[0] if arguments else None
    if len(arguments) == 1 and isinstance(first, Form) and first.kind is Kind.MAP:
        found = _from_map(compiler, first, name, wanted, smallest)
    elif len(arguments) == len(wanted):
        found = tuple([_days(compiler, name, argument, smallest) for argument in arguments])
    else:
        usage = " ".join(f":{parameter} N" for parameter in wanted)
        was = "no window" if not arguments else f"{len(arguments)} other arguments"
        what = f"{{{usage}}}" if wanted else "no window"
        compiler.fail(offset, f"expected {what} for {name}, was {was}")
    if len(found) > 1 and found[0] >= found[1]:
        compiler.fail(
            offset, f"expected a short window below the long one, was {found[0]}, {found[1]}"
        )
    return found


def _from_map(
    compiler: Compiler, form: Form, name: str, wanted: tuple[str, ...], smallest: int
) -> tuple[int, ...]:
    given: dict[str, Term] = {}
    for key, value in zip(form.items[::2], form.items[1::2], strict=True):
        if not isinstance(key, Form) or key.kind is not Kind.KEYWORD or key.text not in wanted:
            known = ", ".join(f":{parameter}" for parameter in wanted) or "nothing"
            compiler.fail(key.offset, f"expected {known} for {name}, was {describe(key)}")
        given[key.text] = value
    for parameter in wanted:
        if parameter not in given:
            compiler.fail(form.offset, f"expected :{parameter} for {name}, was no window")
    return tuple([_days(compiler, name, given[parameter], smallest) for parameter in wanted])


def _days(compiler: Compiler, name: str, term: Term, smallest: int) -> int:
    days = number(compiler, term)
    if days != days.to_integral_value() or not smallest <= days <= LONGEST_WINDOW:
        compiler.fail(
            term.offset,
            f"expected a window of {smallest} to {LONGEST_WINDOW:,} whole sessions for {name}, "
            f"was {days}",
        )
    return int(days)
