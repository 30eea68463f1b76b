"""A symphony: a strategy read from its text, with what can be known before any price."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.symphony.compiler import Compiler
from alchemiser_dagster.symphony.errors import Position
from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparison,
    Filter,
    If,
    Indicator,
    Interned,
    Interner,
    InverseVolatility,
    Node,
    Number,
    Specified,
    children_of,
    indicators_of,
)
from alchemiser_dagster.symphony.reader import Form, Kind, SourceText, read_form
from alchemiser_dagster.symphony.rebalancing import Frequency, Rebalancing
from alchemiser_dagster.symphony.vocabulary import history_wanted

_shared = Interner()
"""One interner for the process, so that symphonies share their equal parts."""


@dataclass(frozen=True, eq=False)
class Symphony:
    """A strategy.

    `held` and `referenced` map each symbol that may be held, or whose price decides, to the place
    where it first stands. `lookback` is the longest history, in sessions, that any part wants.
    """

    name: str
    title: str
    source: SourceText
    rebalancing: Rebalancing
    root: Node
    held: dict[str, Position]
    referenced: dict[str, Position]
    places: dict[Interned, int]
    operators: frozenset[str]
    lookback: int
    fingerprint: str

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol it names, sorted."""
        return tuple(sorted({*self.held, *self.referenced}))

    def place(self, node: Interned) -> str:
        """`file:line:column` of a node."""
        offset = self.places.get(node)
        if offset is None:
            return self.source.name
        position = self.source.position(offset)
        return f"{self.source.name}:{position.line}:{position.column}"


def read_symphony(text: str, name: str, source: str = "<text>") -> Symphony:
    """Read `(defsymphony TITLE HEADER BODY)`. Raises SymphonyError with file, line and column."""
    where = SourceText(text, source)
    form = read_form(where)
    if form.head != "defsymphony":
        where.fail(form.offset, f"expected (defsymphony ...), was {form.head or form.kind}")
    if len(form.items) != 4:
        where.fail(
            form.offset,
            f"expected (defsymphony TITLE HEADER BODY), was {len(form.items) - 1} forms",
        )
    title, header, body = form.items[1:]
    if title.kind is not Kind.STRING:
        where.fail(title.offset, f"expected the symphony's title in quotes, was {title.kind}")
    if body.kind is not Kind.LIST:
        where.fail(body.offset, f"expected one weight, filter, if, group or asset, was {body.kind}")
    rebalancing = _rebalancing(where, header)
    compiler = Compiler(where, _shared)
    root = compiler.node(body)
    return Symphony(
        name=name,
        title=title.text,
        source=where,
        rebalancing=rebalancing,
        root=root,
        held={symbol: where.position(offset) for symbol, offset in compiler.held.items()},
        referenced={s: where.position(offset) for s, offset in compiler.referenced.items()},
        places=dict(compiler.places),
        operators=frozenset({"defsymphony", *compiler.operators}),
        lookback=lookback(root),
        fingerprint=_fingerprint(root, rebalancing),
    )


def _rebalancing(source: SourceText, header: Form) -> Rebalancing:
    if header.kind is not Kind.MAP:
        source.fail(header.offset, f"expected the header as a map {{...}}, was {header.kind}")
    entries: dict[str, Form] = {}
    for key, value in zip(header.items[::2], header.items[1::2], strict=True):
        if key.kind is not Kind.KEYWORD:
            source.fail(key.offset, f"expected a keyword in the header, was {key.kind}")
        if key.text not in ("asset-class", "rebalance-frequency", "rebalance-threshold"):
            source.fail(key.offset, f"expected a header key that is known, was :{key.text}")
        entries[key.text] = value
    if (asset_class := entries.get("asset-class")) and asset_class.text != "EQUITIES":
        source.fail(asset_class.offset, f'expected "EQUITIES", was {asset_class.text!r}')
    frequency = entries.get("rebalance-frequency")
    threshold = entries.get("rebalance-threshold")
    if frequency and threshold:
        source.fail(threshold.offset, "expected a frequency or a threshold, was both")
    if threshold:
        if threshold.kind is not Kind.NUMBER or not 0 < threshold.number < 1:
            source.fail(
                threshold.offset, f"expected a threshold between 0 and 1, was {threshold.text}"
            )
        return Rebalancing(frequency=None, threshold=threshold.number)
    if frequency:
        if frequency.text not in set(Frequency):
            allowed = ", ".join(f":{name}" for name in Frequency)
            source.fail(frequency.offset, f"expected one of {allowed}, was {frequency.text}")
        return Rebalancing(frequency=Frequency(frequency.text))
    return Rebalancing()


def nodes_of(root: Node) -> list[Node]:
    """Every distinct portfolio below `root`, children before their parents."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children_of(node)))
    return order


def lookback(root: Node) -> int:
    """Sessions of history that `root` wants, the history of units inside filters included."""
    wanted: dict[Node, int] = {}
    for node in nodes_of(root):
        own = 1
        below = [wanted[child] for child in children_of(node)]
        if isinstance(node, If):
            own = max(
                (history_wanted(i.name, i.windows) for i in indicators_of(node.condition)),
                default=1,
            )
        elif isinstance(node, Filter | InverseVolatility):
            own = (
                history_wanted(node.metric.name, node.metric.windows)
                if isinstance(node, Filter)
                else node.window + 1
            )
            # A unit's returns come from its weights of earlier sessions.
            below = [
                depth if isinstance(child, Asset) else depth + own + 1
                for child, depth in zip(children_of(node), below, strict=True)
            ]
        wanted[node] = max([own, *below])
    return wanted[root]


def _fingerprint(root: Node, rebalancing: Rebalancing) -> str:
    """A hash of the graph and the header: of what the strategy does, not of how it is written."""
    digests: dict[Interned, str] = {}

    def digest(part: Interned) -> str:
        if part not in digests:
            digests[part] = _digest(_words(part, digest))
        return digests[part]

    for node in nodes_of(root):
        digest(node)
    return _digest([digests[root], str(rebalancing.frequency), str(rebalancing.threshold)])


def _words(part: Interned, digest: Callable[[Interned], str]) -> list[str]:
    match part:
        case Number(value):
            return ["number", str(value.normalize() + Decimal(0))]
        case Indicator():
            return ["indicator", str(part)]
        case Comparison(comparator, left, right):
            return [comparator, digest(left), digest(right)]
        case All(parts) | Any(parts):
            return [type(part).__name__, *map(digest, parts)]
        case Asset(symbol):
            return ["asset", symbol]
        case If(condition, _, _):
            return ["if", digest(condition), *map(digest, children_of(part))]
        case Filter(metric, top, count, candidates):
            return ["filter", str(metric), str(top), str(count), *map(digest, candidates)]
        case Specified(shares, children):
            return ["specified", *map(str, shares), *map(digest, children)]
        case InverseVolatility(window, children):
            return ["inverse volatility", str(window), *map(digest, children)]
        case _:
            return ["equal", *map(digest, children_of(part))]


def _digest(words: list[str]) -> str:
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()
