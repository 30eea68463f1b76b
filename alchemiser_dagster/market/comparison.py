"""Which earlier snapshot each symbol of a new one is compared with.

A restatement shows where two snapshots differ, and the later of the two has it already: compared
with that one, the next would look sound. So a symbol is compared with the latest snapshot after
which nothing about its past was left open, however many evenings ago that was:

    Monday     100  101              compared with the evening before: sound
    Tuesday     98   99  100         with Monday: scaled by 0.98 for no known reason
    Wednesday   98   99  100  101    with Monday still, until an action explains it, a person
                                     accepts it, or the vendor takes it back
    Thursday                         with Wednesday
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from alchemiser_dagster.market.findings_table import FINDINGS_SCHEMA


@dataclass(frozen=True)
class Comparison:
    """What a snapshot is compared with.

    `sessions` are those whose snapshots are compared with, each with the symbols it is for. A
    symbol that no earlier snapshot has is with none. `carried` are the findings that stay as they
    were, because the snapshot from before them is gone.
    """

    sessions: Mapping[date, frozenset[str]]
    carried: pl.DataFrame


def compared_with(
    symbols: Collection[str],
    evenings: Iterable[tuple[date, Collection[str]]],
    findings: Callable[[date], pl.DataFrame | None],
) -> Comparison:
    """The comparison that `symbols` are due.

    `evenings` are the earlier sessions that have a snapshot, the latest first, each with the
    symbols in it; `findings` gives what the checks found in one, None where they were not made:
    what nobody has looked at is nothing to compare with. Of neither is more asked for than needed.
    """
    wanted = frozenset(symbols)
    sessions: dict[date, frozenset[str]] = {}
    carried = FINDINGS_SCHEMA.to_frame()
    for session, present in evenings:
        here = wanted.intersection(present)
        found = findings(session) if here else None
        if found is None:
            continue
        left_open = found.filter(check="restated", severity="error")
        settled = here.difference(left_open["symbol"])
        if settled:
            sessions[session] = settled
            wanted -= settled
        if not wanted:
            break
        is_news = pl.col("symbol").is_in(sorted(wanted - set(carried["symbol"])))
        carried = pl.concat([carried, left_open.filter(is_news)])
    return Comparison(sessions, carried.filter(pl.col("symbol").is_in(sorted(wanted))))
