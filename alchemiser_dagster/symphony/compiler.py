"""From forms to the syntax graph, from the inside out.

What a form means never depends on what stands around it, so the reader hands over each bracket
when it closes, its inner ones compiled, and nothing recurses. Each operator's handler checks its
own shape and points at what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from alchemiser_dagster.symphony.arguments import share, ticker, window, windows
from alchemiser_dagster.symphony.errors import (
    SymphonyError,
    UnknownOperatorError,
)
from alchemiser_dagster.symphony.filters import compile_filter, compile_selection
from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparator,
    Comparison,
    Equal,
    Filter,
    If,
    Indicator,
    Interned,
    Interner,
    InverseVolatility,
    Number,
    Specified,
)
from alchemiser_dagster.symphony.reader import Form, Kind, SourceText
from alchemiser_dagster.symphony.shares import whole_shares
from alchemiser_dagster.symphony.terms import (
    Occurrence,
    Selection,
    Term,
    Vector,
    WeightedAsset,
    describe,
)
from alchemiser_dagster.symphony.vocabulary import INDICATORS

_NODES = (Asset, Equal, Specified, InverseVolatility, If, Filter)
_CONDITIONS = (Comparison, All, Any)
# Lists that mean something only to what stands around them.
_FRAMES = ("defsymphony", "unimplemented")


class Compiler:
    """Compiles one text; `operators` collects the names it uses."""

    def __init__(self, source: SourceText, intern: Interner) -> None:
        self.source = source
        self.intern = intern
        self.operators: set[str] = set()
        self.warnings: list[str] = []
        self._calls: dict[str, Interned | Selection] = {}
        self._open_call = ("", -1)

    def close(self, kind: Kind, offset: int, items: tuple[Term, ...]) -> Term:
        """What a bracket means, its inner ones having been compiled. Raises SymphonyError."""
        if kind is Kind.VECTOR:
            return Vector(items, offset)
        if kind is Kind.MAP:
            return Form(kind, offset, "", items)
        name = self._operator(offset, items)
        if name in _FRAMES:
            return Form(kind, offset, "", items)
        self.operators.add(name)
        made = _OPERATORS[name](self, offset, name, items[1:])
        if isinstance(made, Occurrence) and not made.parts:
            self._remember(offset, made.node)
        elif isinstance(made, Selection):
            self._remember(offset, made)
        return made

    def known_call(self, text: str, offset: int) -> Term | None:
        """The meaning of a call without inner calls that stood in the text before."""
        known = self._calls.get(text)
        if known is None:
            self._open_call = (text, offset)
            return None
        if isinstance(known, Selection):
            return known._replace(offset=offset)
        return Occurrence(known, offset)

    def _remember(self, offset: int, meaning: Interned | Selection) -> None:
        text, start = self._open_call
        if start == offset:
            self._calls[text] = meaning

    def error(self, offset: int, message: str) -> SymphonyError:
        """An error that points at an offset."""
        return self.source.error(offset, message)

    def fail(self, offset: int, message: str) -> NoReturn:
        """Raise an error that points at an offset."""
        raise self.error(offset, message)

    def portfolio(self, term: Term) -> Occurrence:
        """A term as one portfolio: as it is, or the elements of a vector in equal parts."""
        if isinstance(term, Occurrence) and isinstance(term.node, _NODES):
            return term
        if isinstance(term, Vector):
            if not term.items:
                self.fail(
                    term.offset, "expected something to hold, was []; hold a cash fund such as BIL"
                )
            if len(term.items) == 1:
                return self.portfolio(term.items[0])
            parts = tuple(self.portfolio(item) for item in term.items)
            return Occurrence(self._equal_node(parts), term.offset, None, parts)
        raise self.error(
            term.offset, f"expected a weight, filter, if, group or asset, was {describe(term)}"
        )

    def _equal_node(self, parts: tuple[Occurrence, ...]) -> Equal:
        return self.intern(Equal, tuple([part.node for part in parts]))

    def _operator(self, offset: int, items: tuple[Term, ...]) -> str:
        if not items:
            self.fail(offset, "expected an operator, was ()")
        head = items[0]
        name = ""
        if isinstance(head, Form):
            name = head.text if head.kind is Kind.SYMBOL else ""
            if head.head == "unimplemented" and len(head.items) == 2:
                name = head.items[1].text  # how Composer exports what its own text cannot say
        if name in _OPERATORS or name in _FRAMES:
            return name
        if not name:
            self.fail(head.offset, f"expected an operator of the language, was {describe(head)}")
        raise self.source.error(
            head.offset,
            f"expected an operator of the language, was the unknown operator {name}",
            UnknownOperatorError,
        )

    def _asset(self, offset: int, _name: str, arguments: Sequence[Term]) -> Term:
        if not 1 <= len(arguments) <= 2:
            self.fail(offset, f"expected (asset TICKER [NAME]), was {len(arguments)} arguments")
        asset = Occurrence(self.intern(Asset, ticker(self, arguments[0])), offset)
        if len(arguments) == 1:
            return asset
        label = arguments[1]
        if isinstance(label, Form):
            if label.kind is Kind.NUMBER:
                return WeightedAsset(asset, label, offset)
            if label.kind is Kind.STRING or label.text == "nil":
                return asset
        raise self.error(
            label.offset, f"expected the asset's name, nil or a weight, was {describe(label)}"
        )

    def _weight_equal(self, offset: int, name: str, arguments: Sequence[Term]) -> Term:
        parts = self.children(offset, name, arguments)
        return Occurrence(self._equal_node(parts), offset, None, parts)

    def _weight_specified(self, offset: int, _name: str, arguments: Sequence[Term]) -> Term:
        given = arguments
        if len(arguments) == 1 and isinstance(arguments[0], Vector):
            given = arguments[0].items
        weighted = [item for item in given if isinstance(item, WeightedAsset)]
        if weighted and len(weighted) == len(given):
            pairs = [(share(self, item.share), item.asset) for item in weighted]
        elif not arguments or len(arguments) % 2:
            self.fail(offset, f"expected pairs of weight and child, was {len(arguments)} arguments")
        else:
            pairs = [
                (share(self, weight), self.portfolio(child))
                for weight, child in zip(arguments[::2], arguments[1::2], strict=True)
            ]
        kept = whole_shares(self, offset, pairs)
        parts = tuple([part for _, part in kept])
        node = self.intern(
            Specified, tuple([fraction for fraction, _ in kept]), tuple([p.node for p in parts])
        )
        return Occurrence(node, offset, None, parts)

    def _weight_inverse(self, offset: int, name: str, arguments: Sequence[Term]) -> Term:
        if len(arguments) < 2:
            self.fail(offset, f"expected ({name} WINDOW [child ...]), was too little")
        days = window(self, name, arguments[0], smallest=2)
        parts = self.children(offset, name, arguments[1:])
        node = self.intern(InverseVolatility, days, tuple([part.node for part in parts]))
        return Occurrence(node, offset, None, parts)

    def _group(self, offset: int, _name: str, arguments: Sequence[Term]) -> Term:
        label = arguments[0] if len(arguments) == 2 else None
        if not isinstance(label, Form) or label.kind is not Kind.STRING:
            self.fail(offset, 'expected (group "NAME" [body])')
        body = self.portfolio(arguments[1])
        if isinstance(body.node, Asset):
            # A group is a portfolio with a history of its own even when it holds one asset.
            body = Occurrence(self._equal_node((body,)), offset, None, (body,))
        return body._replace(label=label.text)

    def _if(self, offset: int, name: str, arguments: Sequence[Term]) -> Term:
        if not 2 <= len(arguments) <= 3:
            self.fail(offset, f"expected ({name} CONDITION [then] [else])")
        condition = self._condition(arguments[0])
        branches = tuple([self.portfolio(branch) for branch in arguments[1:]])
        nodes = [branch.node for branch in branches]
        node = self.intern(If, condition.node, nodes[0], nodes[1] if nodes[1:] else None)
        return Occurrence(node, offset, None, (condition, *branches))

    def _compare(self, offset: int, name: str, arguments: Sequence[Term]) -> Term:
        if len(arguments) != 2:
            self.fail(offset, f"expected two operands of {name}, was {len(arguments)}")
        sides = tuple([self._operand(argument) for argument in arguments])
        node = self.intern(Comparison, Comparator(name), sides[0].node, sides[1].node)
        return Occurrence(node, offset, None, sides)

    def _operand(self, term: Term) -> Occurrence:
        if isinstance(term, Form) and term.kind is Kind.NUMBER:
            # 2.50 and 2.5 are one number, and one node.
            return Occurrence(self.intern(Number, term.number.normalize()), term.offset)
        if isinstance(term, Occurrence) and isinstance(term.node, Indicator):
            if not term.node.symbol:
                self.fail(term.offset, f"expected a ticker for {term.node.name}, was none")
            return term
        raise self.error(term.offset, f"expected a number or an indicator, was {describe(term)}")

    def _join(self, offset: int, name: str, arguments: Sequence[Term]) -> Term:
        if not arguments:
            self.fail(offset, f"expected conditions to join by {name}, was none")
        parts = tuple([self._condition(argument) for argument in arguments])
        kind = All if name == "and" else Any
        node = self.intern(kind, tuple([part.node for part in parts]))
        return Occurrence(node, offset, None, parts)

    def _condition(self, term: Term) -> Occurrence:
        if isinstance(term, Occurrence) and isinstance(term.node, _CONDITIONS):
            return term
        raise self.error(term.offset, f"expected a comparison, and, or, was {describe(term)}")

    def _indicator(self, offset: int, name: str, arguments: Sequence[Term]) -> Term:
        symbol = ""
        rest = []
        for argument in arguments:
            if not symbol and _names_a_symbol(argument):
                symbol = ticker(self, argument)
            else:
                rest.append(argument)
        node = self.intern(Indicator, name, symbol, windows(self, offset, name, rest))
        return Occurrence(node, offset)

    def children(self, offset: int, name: str, arguments: Sequence[Term]) -> tuple[Occurrence, ...]:
        """The children of a weight or filter: those of its vectors, and plain arguments."""
        found: list[Occurrence] = []
        for argument in arguments:
            if isinstance(argument, Vector):
                found += [self.portfolio(item) for item in argument.items]
            else:
                found.append(self.portfolio(argument))
        if not found:
            self.fail(offset, f"expected at least one child of {name}, was none")
        return tuple(found)


def _names_a_symbol(term: Term) -> bool:
    if isinstance(term, Form):
        return term.kind is Kind.STRING or term.kind is Kind.SYMBOL
    return isinstance(term, Occurrence) and isinstance(term.node, Asset)


Handler = Callable[[Compiler, int, str, Sequence[Term]], Term]

_OPERATORS: dict[str, Handler] = {
    "asset": Compiler._asset,
    "weight-equal": Compiler._weight_equal,
    "weight-specified": Compiler._weight_specified,
    "weight-inverse-volatility": Compiler._weight_inverse,
    "group": Compiler._group,
    "if": Compiler._if,
    "if-then-else": Compiler._if,
    "filter": compile_filter,
    "select-top": compile_selection,
    "select-bottom": compile_selection,
    "and": Compiler._join,
    "or": Compiler._join,
    **dict.fromkeys(Comparator, Compiler._compare),
    **dict.fromkeys(INDICATORS, Compiler._indicator),
}
