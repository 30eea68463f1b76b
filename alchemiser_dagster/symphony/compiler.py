"""From forms to the syntax graph: every operator's own shape is checked here, with its place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparator,
    Comparison,
    Condition,
    Equal,
    Filter,
    If,
    Indicator,
    Interner,
    InverseVolatility,
    Node,
    Number,
    Operand,
    Specified,
)
from alchemiser_dagster.symphony.reader import Form, Kind, SourceText
from alchemiser_dagster.symphony.symbols import canonical_symbol
from alchemiser_dagster.symphony.vocabulary import INDICATORS

SUM_TOLERANCE = Decimal("0.000001")
LONGEST_WINDOW = 100_000
HUNDRED = Decimal(100)


@dataclass
class Compiler:
    """Compiles one text. `places` keeps where each node first stands, `labels` its group's name."""

    source: SourceText
    intern: Interner
    places: dict[Node | Condition | Operand, int] = field(default_factory=dict)
    labels: dict[Node, str] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    held: dict[str, int] = field(default_factory=dict)
    referenced: dict[str, int] = field(default_factory=dict)

    def node(self, form: Form) -> Node:
        """A portfolio: any weight, filter, if, group or asset; a vector of several is one unit."""
        if form.kind is Kind.VECTOR:
            return self._branch(form)
        if form.kind is not Kind.LIST:
            self._fail(form, f"expected a weight, filter, if, group or asset, was {form.kind}")
        operator = form.head
        compile_operator = _OPERATORS.get(operator)
        if compile_operator is None:
            self._unknown(form)
        self.operators.add(operator)
        made = compile_operator(self, form, form.items[1:])
        self.places.setdefault(made, form.offset)
        return made

    # --- weights -----------------------------------------------------------------------------

    def _asset(self, form: Form, arguments: tuple[Form, ...]) -> Node:
        if not 1 <= len(arguments) <= 2:
            self._fail(form, f"expected (asset TICKER [NAME]), was {len(arguments)} arguments")
        symbol = self._ticker(arguments[0])
        self.held.setdefault(symbol, arguments[0].offset)
        return self.intern(Asset(symbol))

    def _equal(self, form: Form, arguments: tuple[Form, ...]) -> Node:
        children = self._children(form, arguments)
        return self.intern(Equal(children))

    def _specified(self, form: Form, arguments: tuple[Form, ...]) -> Node:
        pairs = self._weighted_assets(arguments)
        if pairs is None:
            if not arguments or len(arguments) % 2:
                self._fail(
                    form, f"expected pairs of weight and child, was {len(arguments)} arguments"
                )
            pairs = [
                (self._share(weight), self.node(child))
                for weight, child in zip(arguments[::2], arguments[1::2], strict=True)
            ]
        total = sum((share for share, _ in pairs), Decimal(0))
        if abs(total - HUNDRED) <= SUM_TOLERANCE * HUNDRED:
            pairs = [(share / HUNDRED, child) for share, child in pairs]
            total /= HUNDRED
        if abs(total - 1) > SUM_TOLERANCE:
            self._fail(form, f"expected weights that sum to 1 (or 100), was {total}")
        positive = [(share / total, child) for share, child in pairs if share > 0]
        shares, children = zip(*positive, strict=True)
        return self.intern(Specified(shares, children))

    def _weighted_assets(self, arguments: tuple[Form, ...]) -> list[tuple[Decimal, Node]] | None:
        """The spelling `(weight-specified [(asset "SPY" 0.6) (asset "TLT" 0.4)])`."""
        items = self._unwrapped(arguments)
        is_weighted = [
            item.head == "asset" and len(item.items) == 3 and item.items[2].kind is Kind.NUMBER
            for item in items
        ]
        if not items or not all(is_weighted):
            return None
        self.operators.add("asset")
        return [(self._share(item.items[2]), self._asset(item, item.items[1:2])) for item in items]

    def _inverse_volatility(self, form: Form, arguments: tuple[Form, ...]) -> Node:
        if len(arguments) < 2:
            self._fail(form, "expected (weight-inverse-volatility WINDOW [child ...])")
        window = arguments[0]
        if window.kind is Kind.MAP:
            (days,) = self._parameters(window, ("window",))
        else:
            days = self._window(window)
        return self.intern(InverseVolatility(days, self._children(form, arguments[1:])))

    def _group(self, form: Form, arguments: tuple[Form, ...]) -> Node:
        if len(arguments) != 2 or arguments[0].kind is not Kind.STRING:
            self._fail(form, 'expected (group "NAME" [body])')
        body = self.node(arguments[1])
        if isinstance(body, Asset):
            # A group is a portfolio with a history of its own even when it holds one asset.
            body = self.intern(Equal((body,)))
        self.labels.setdefault(body, arguments[0].text)
        return body

    def _if(self, form: Form, arguments: tuple[Form, ...]) -> Node:
        if not 2 <= len(arguments) <= 3:
            self._fail(form, "expected (if CONDITION [then] [else])")
        condition = self.condition(arguments[0])
        branches = [self._branch(branch) for branch in arguments[1:]]
        return self.intern(If(condition, branches[0], branches[1] if branches[1:] else None))

    def _filter(self, form: Form, arguments: tuple[Form, ...]) -> Node:
        if len(arguments) != 3:
            self._fail(form, "expected (filter (INDICATOR ...) (select-top N) [candidate ...])")
        metric = self._indicator(arguments[0], of_symbol=False)
        top, count = self._selection(arguments[1])
        found = self._children(form, arguments[2:])
        candidates = tuple(dict.fromkeys(found))
        if INDICATORS[metric.name].of_prices:
            for candidate in candidates:
                if not isinstance(candidate, Asset):
                    self._fail(
                        arguments[0],
                        f"expected only assets to be ranked by {metric.name}, which is about a "
                        "price; a portfolio has returns but no price",
                    )
        for candidate in candidates:
            if isinstance(candidate, Asset):
                self.referenced.setdefault(candidate.symbol, form.offset)
        return self.intern(Filter(metric, top, count, candidates))

    def _selection(self, form: Form) -> tuple[bool, int]:
        if form.head not in ("select-top", "select-bottom") or len(form.items) != 2:
            self._fail(form, "expected (select-top N) or (select-bottom N)")
        self.operators.add(form.head)
        count = self._number(form.items[1])
        if count != int(count) or count < 1:
            self._fail(form.items[1], f"expected a whole number of at least 1, was {count}")
        return form.head == "select-top", int(count)

    def _branch(self, form: Form) -> Node:
        """A branch or body: one child as it is, several as equal parts of one child."""
        if form.kind is not Kind.VECTOR:
            return self.node(form)
        if not form.items:
            self._fail(form, "expected something to hold, was []; hold a cash fund such as BIL")
        if len(form.items) == 1:
            return self._branch(form.items[0])
        return self.intern(Equal(tuple(self._branch(item) for item in form.items)))

    def _children(self, form: Form, arguments: tuple[Form, ...]) -> tuple[Node, ...]:
        items = self._unwrapped(arguments)
        if not items:
            self._fail(form, f"expected at least one child of {form.head}, was none")
        return tuple(self._branch(item) for item in items)

    def _unwrapped(self, arguments: tuple[Form, ...]) -> list[Form]:
        """The children of a weight: those of its vectors, and plain arguments."""
        found: list[Form] = []
        for argument in arguments:
            if argument.kind is Kind.VECTOR:
                found += self._unwrapped(argument.items)
            else:
                found.append(argument)
        return found

    # --- conditions --------------------------------------------------------------------------

    def condition(self, form: Form) -> Condition:
        """A comparison, or several joined by and / or."""
        operator, arguments = form.head, form.items[1:]
        made: Condition
        if operator in ("and", "or"):
            if not arguments:
                self._fail(form, f"expected conditions to join by {operator}, was none")
            parts = tuple(self.condition(argument) for argument in arguments)
            made = self.intern(All(parts)) if operator == "and" else self.intern(Any(parts))
        elif operator in set(Comparator):
            if len(arguments) != 2:
                self._fail(form, f"expected two operands of {operator}, was {len(arguments)}")
            left, right = (self._operand(argument) for argument in arguments)
            made = self.intern(Comparison(Comparator(operator), left, right))
        elif form.kind is Kind.LIST:
            self._unknown(form, "a comparison, and, or")
        else:
            self._fail(form, f"expected a comparison, and, or, was {form.kind}")
        self.operators.add(operator)
        self.places.setdefault(made, form.offset)
        return made

    def _operand(self, form: Form) -> Operand:
        if form.kind is Kind.NUMBER:
            return self.intern(Number(form.number))
        if form.kind is Kind.SYMBOL and form.text[:1] in "+-":
            return self.intern(Number(self._number(form)))
        if form.kind is not Kind.LIST:
            self._fail(form, f"expected a number or an indicator, was {form.kind}")
        return self._indicator(form, of_symbol=True)

    def _indicator(self, form: Form, *, of_symbol: bool) -> Indicator:
        if form.kind is not Kind.LIST or not form.items:
            self._fail(form, f"expected an indicator, was {form.kind}")
        name, arguments = self._indicator_name(form.items[0]), list(form.items[1:])
        symbol = ""
        if of_symbol:
            at = next((i for i, a in enumerate(arguments) if a.kind is not Kind.MAP), None)
            if at is None:
                self._fail(form, f'expected ({name} "TICKER" ...), was no ticker')
            ticker = arguments.pop(at)
            if ticker.head == "asset":
                ticker = ticker.items[1] if len(ticker.items) > 1 else ticker
            symbol = self._ticker(ticker)
            self.referenced.setdefault(symbol, ticker.offset)
        windows = self._windows(form, name, arguments)
        self.operators.add(name)
        made = self.intern(Indicator(name, symbol, windows))
        self.places.setdefault(made, form.offset)
        return made

    def _indicator_name(self, head: Form) -> str:
        name = head.text if head.kind is Kind.SYMBOL else ""
        if head.head == "unimplemented" and len(head.items) == 2:
            name = head.items[1].text  # the exporter's spelling of what it cannot print itself
        if name not in INDICATORS:
            self._fail(head, f"expected an indicator, was {name or head.kind}")
        return name

    def _windows(self, form: Form, name: str, arguments: list[Form]) -> tuple[int, ...]:
        wanted = INDICATORS[name].parameters
        if not wanted and not arguments:
            return ()
        if len(arguments) != 1:
            given = f"{len(arguments)} parameters" if arguments else "no parameter"
            self._fail(form, f"expected {name} with {{{_usage(wanted)}}}, was {given}")
        if arguments[0].kind is not Kind.MAP and len(wanted) == 1:
            return (self._window(arguments[0]),)
        windows = self._parameters(arguments[0], wanted)
        if len(windows) > 1 and windows[0] >= windows[1]:
            self._fail(form, f"expected a short window below the long one, was {windows}")
        return windows

    def _parameters(self, form: Form, wanted: tuple[str, ...]) -> tuple[int, ...]:
        if form.kind is not Kind.MAP:
            self._fail(form, f"expected {{{_usage(wanted)}}}, was {form.kind}")
        given = dict(zip((key.text for key in form.items[::2]), form.items[1::2], strict=True))
        missing = [name for name in wanted if name not in given]
        if missing:
            self._fail(
                form, f"expected :{missing[0]}, was {{{' '.join(f':{name}' for name in given)}}}"
            )
        return tuple(self._window(given[name]) for name in wanted)

    # --- atoms -------------------------------------------------------------------------------

    def _window(self, form: Form) -> int:
        window = self._number(form)
        if window != int(window) or not 1 <= window <= LONGEST_WINDOW:
            self._fail(form, f"expected a window of whole sessions, at least 1, was {window}")
        return int(window)

    def _number(self, form: Form) -> Decimal:
        if form.kind not in (Kind.NUMBER, Kind.STRING, Kind.SYMBOL):
            self._fail(form, f"expected a number, was {form.kind}")
        try:
            number = Decimal(form.text)
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            self._fail(form, f"expected a number, was {form.text!r}")
        return number

    def _share(self, form: Form) -> Decimal:
        if form.kind is Kind.STRING and form.text.endswith("%"):
            plain = Form(Kind.STRING, form.offset, form.text[:-1])
            share = self._number(plain) / HUNDRED
        else:
            share = self._number(form)
        if share < 0:
            self._fail(form, f"expected a weight of at least 0, was {share}")
        return share

    def _ticker(self, form: Form) -> str:
        if form.kind is not Kind.STRING:
            self._fail(form, f'expected a ticker in quotes, such as "SPY", was {form.kind}')
        try:
            return canonical_symbol(form.text)
        except ValueError as error:
            self._fail(form, str(error))

    def _unknown(
        self, form: Form, expected: str = "a weight, filter, if, group or asset"
    ) -> NoReturn:
        head = form.items[0] if form.items else form
        self._fail(head, f"expected {expected}, was the unknown operator {head.text or head.kind}")

    def _fail(self, form: Form, message: str) -> NoReturn:
        self.source.fail(form.offset, message)


_Handler = Callable[[Compiler, Form, tuple[Form, ...]], Node]

_OPERATORS: dict[str, _Handler] = {
    "asset": Compiler._asset,
    "weight-equal": Compiler._equal,
    "weight-specified": Compiler._specified,
    "weight-inverse-volatility": Compiler._inverse_volatility,
    "group": Compiler._group,
    "if": Compiler._if,
    "if-then-else": Compiler._if,
    "filter": Compiler._filter,
}


def _usage(parameters: Iterable[str]) -> str:
    return " ".join(f":{name} N" for name in parameters)
