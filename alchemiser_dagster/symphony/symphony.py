"""A symphony: a strategy read from its text, with what can be known before any price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from alchemiser_dagster.symphony.compiler import Compiler
from alchemiser_dagster.symphony.errors import Position
from alchemiser_dagster.symphony.fingerprint import fingerprint
from alchemiser_dagster.symphony.graph import Asset, Filter, Indicator, Interned, Interner, Node
from alchemiser_dagster.symphony.header import read_frame
from alchemiser_dagster.symphony.lookback import lookbacks
from alchemiser_dagster.symphony.reader import SourceText, read
from alchemiser_dagster.symphony.rebalancing import Rebalancing
from alchemiser_dagster.symphony.terms import Occurrence

_shared = Interner()
"""One interner for the process, so that symphonies share their equal parts."""


@dataclass(frozen=True, eq=False)
class Symphony:
    """A strategy. `tree` is its graph as it stands in the text, with places and group names."""

    name: str
    title: str
    source: SourceText
    rebalancing: Rebalancing
    tree: Occurrence
    root: Node
    operators: frozenset[str]
    warnings: tuple[str, ...]

    def occurrences(self) -> Iterator[Occurrence]:
        """Every occurrence of the text, in its order."""
        stack = [self.tree]
        while stack:
            occurrence = stack.pop()
            yield occurrence
            stack.extend(reversed(occurrence.parts))

    @cached_property
    def places(self) -> dict[Interned, int]:
        """The offset at which each node first stands."""
        found: dict[Interned, int] = {}
        for occurrence in self.occurrences():
            found.setdefault(occurrence.node, occurrence.offset)
        return found

    @cached_property
    def held(self) -> dict[str, Position]:
        """Each symbol that may be held, and where it first stands."""
        return {
            node.symbol: self.source.position(offset)
            for node, offset in self.places.items()
            if isinstance(node, Asset)
        }

    @cached_property
    def referenced(self) -> dict[str, Position]:
        """Each symbol whose price decides something, and where it first does."""
        offsets: dict[str, int] = {}
        for occurrence in self.occurrences():
            node = occurrence.node
            if isinstance(node, Indicator) and node.symbol:
                offsets.setdefault(node.symbol, occurrence.offset)
            elif isinstance(node, Filter):
                for part in occurrence.parts[1:]:
                    if isinstance(part.node, Asset):
                        offsets.setdefault(part.node.symbol, part.offset)
        return {symbol: self.source.position(offset) for symbol, offset in offsets.items()}

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol it names, sorted."""
        return tuple(sorted({*self.held, *self.referenced}))

    @cached_property
    def lookbacks(self) -> dict[str, int]:
        """By symbol, the sessions of history after which it no longer matters where that began."""
        return lookbacks(self.root)

    @property
    def lookback(self) -> int:
        """Sessions of history after which its weights no longer depend on where history began."""
        return max(self.lookbacks.values())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of graph and header: of what the strategy does, not of how it is written."""
        return fingerprint(self.root, self.rebalancing)

    def place(self, node: Interned) -> str:
        """`file:line:column` of the node's first occurrence."""
        offset = self.places.get(node)
        return self.source.name if offset is None else self.source.place(offset)


def read_symphony(
    text: str, name: str, source: str = "<text>", intern: Interner | None = None
) -> Symphony:
    """Read `(defsymphony TITLE HEADER BODY)`. Raises SymphonyError with file, line and column.

    Symphonies read with the same `intern` share their equal parts; by default all do.
    """
    where = SourceText(text, source)
    compiler = Compiler(where, _shared if intern is None else intern)
    title, rebalancing, body = read_frame(where, read(where, compiler))
    tree = compiler.portfolio(body)
    root: Node = tree.node  # type: ignore[assignment]
    return Symphony(
        name=name,
        title=title,
        source=where,
        rebalancing=rebalancing,
        tree=tree,
        root=root,
        operators=frozenset({"defsymphony", *compiler.operators}),
        warnings=tuple(compiler.warnings),
    )
