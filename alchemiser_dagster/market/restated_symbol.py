"""What has changed in the past of one symbol, for the sessions that two tables have of it.

Everything follows from the ratio new / old of adj_close on each session:

1. Wherever the feed has a corporate action, the ratio before it is compared with that after it, and
   with 1 after the last session. A step that is the action's factor is explained and taken out. So
   an action may be booked late, and several may come at once.
2. What remains is 1 on every session; or one factor from the oldest session on; or single bars.
3. Prices and volumes stay as they are or go along with a split. If not, their bar is corrected.

The ratio is held to be constant within `TOLERANCE`, and within what prices in whole cents allow.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.market.action_factors import (
    SCALING_KINDS,
    UNKNOWN_KINDS,
    Closes,
    described,
    possible_factors,
    share_factor,
    weightiest,
)
from alchemiser_dagster.market.actions import Action

TOLERANCE = 1e-4
FACTOR_TOLERANCE = 2e-4
"""How far a step may be from an action's factor: vendors round both."""
VOLUME_TOLERANCE = 0.01
"""Late prints amend volumes for days after the session."""
MOSTLY = 0.9
"""The share of sessions on one factor that makes it a scaling, and the others corrections."""

MOST_AT_ONCE = 5
"""More actions than this between two sessions are taken to have been booked all together."""

PRICES = ("open", "high", "low", "close")
FIELDS = ("close", "adj_close", "open", "high", "low", "volume")

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Change:
    """One change; the fields are the columns of the table of restatements."""

    kind: str
    first: date
    last: date
    bars: int
    ratio: float | None
    says: str


@dataclass(frozen=True)
class _Shared:
    """The shared sessions: old and new values by field, and the ratio new / old of adj_close."""

    symbol: str
    days: NDArray[np.datetime64]
    old: dict[str, Numbers]
    new: dict[str, Numbers]

    def day(self, at: int) -> date:
        day: date = self.days[at].astype(date)
        return day

    @property
    def ratio(self) -> Numbers:
        return self.of("adj_close")

    def of(self, field: str) -> Numbers:
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.new[field] / self.old[field]

    def slack(self, field: str) -> Numbers:
        """How far rounding to cents may take the ratio from a factor that both were scaled by."""
        old, new = self.old[field], self.new[field]
        if not (_is_in_cents(old) and _is_in_cents(new)):
            return np.zeros(len(old))
        return 0.005 / old + 0.005 / new


@dataclass(frozen=True)
class _Scaling:
    """A factor that the sessions of `on` share, all of them among the oldest `end`."""

    factor: float
    end: int
    on: Flags


def changes_of_symbol(
    symbol: str, overlap: pl.DataFrame, closes: Closes, actions: list[Action] | None
) -> list[Change]:
    """The changes of one symbol.

    `overlap` has the shared sessions by date, with the columns of a bars table and the old values
    under `<name>_old`; `closes` are all that the new table has; `actions` None: there is no feed.
    """
    shared = _Shared(
        symbol,
        overlap["date"].to_numpy(),
        old={name: overlap[f"{name}_old"].to_numpy() for name in FIELDS},
        new={name: overlap[name].to_numpy() for name in FIELDS},
    )
    found, explained, shares = _explained(shared, closes, actions or [])
    rest = shared.ratio / explained
    allowed = TOLERANCE + shared.slack("adj_close") * (explained != 1)
    off = np.abs(rest - 1) > allowed
    scaling = _scaling(rest, off, TOLERANCE + 2 * shared.slack("adj_close"))
    if scaling is not None:
        found.append(_scaled(shared, scaling, closes, actions))
        off = off & ~scaling.on
    for field in (*PRICES, "volume"):
        off = off | ~_goes_along(shared, field, shares, scaling)
    if off.any():
        found.append(_correction(shared, off))
    return found


def _explained(
    shared: _Shared, closes: Closes, actions: list[Action]
) -> tuple[list[Change], Numbers, Numbers]:
    """The changes that actions explain; their factor on each session, and that of splits alone."""
    sessions = len(shared.days)
    explained, shares = np.ones(sessions), np.ones(sessions)
    found = []
    either_closes = (closes, Closes(shared.days, shared.old["close"]))
    by_position = _by_position(actions, shared.days)
    cuts = sorted(by_position)
    for cut, start, stop in zip(cuts, [0, *cuts], [*cuts[1:], sessions], strict=False):
        here = by_position[cut]
        level, noise = _level(shared, start, cut)
        level_after, noise_after = _level(shared, cut, stop)
        step = level / level_after
        if abs(step - 1) <= TOLERANCE:
            continue
        tolerance = FACTOR_TOLERANCE + noise + noise_after
        booked = [
            some
            for some in _choices(here)
            for factor in possible_factors(some, actions, either_closes)
            if abs(step / factor - 1) <= tolerance
        ]
        if not booked and any(action.kind in UNKNOWN_KINDS for action in here):
            booked = [here]
        if not booked:
            continue
        explained[:cut] *= step
        shares[:cut] *= share_factor(booked[0])
        listed = " and ".join(described(action) for action in booked[0])
        late = ", booked late" if cut < sessions else ""
        found.append(
            Change(
                kind=weightiest(booked[0], closes).kind,
                first=shared.day(0),
                last=shared.day(cut - 1),
                bars=cut,
                ratio=step,
                says=f"{shared.symbol}: the past is scaled by {step:.6f}: {listed}{late}",
            )
        )
    return found, explained, shares


def _by_position(actions: list[Action], days: NDArray[np.datetime64]) -> dict[int, list[Action]]:
    """The actions that scale sessions of `days`, by the number of those before their ex-date."""
    found: dict[int, list[Action]] = defaultdict(list)
    for action in actions:
        ex_date = np.datetime64(action.ex_date)
        if action.kind in SCALING_KINDS and days[0] < ex_date:
            found[int(np.searchsorted(days, ex_date))].append(action)
    return found


def _choices(actions: list[Action]) -> list[list[Action]]:
    """All of `actions`, then all but one, and so on: the old table may know some of them."""
    sizes = range(len(actions), 0, -1) if len(actions) <= MOST_AT_ONCE else [len(actions)]
    return [list(some) for size in sizes for some in combinations(actions, size)]


def _level(shared: _Shared, start: int, stop: int) -> tuple[float, float]:
    """The usual ratio of the sessions from `start` to before `stop`, and how exact it is."""
    if start == stop:  # after the last session nothing is scaled
        return 1.0, 0.0
    slack = shared.slack("adj_close")
    return float(np.median(shared.ratio[start:stop])), float(np.median(slack[start:stop]))


def _scaling(rest: Numbers, off: Flags, tolerance: Numbers) -> _Scaling | None:
    """The one factor that all sessions up to some day share, if they do."""
    if not off.any():
        return None
    factor = float(np.sort(rest[off])[off.sum() // 2])
    on = np.abs(rest / factor - 1) <= tolerance
    end = int(np.flatnonzero(on & off)[-1]) + 1
    on = on & (np.arange(len(rest)) < end)
    # one bar that differs is a correction, unless there is no other
    is_single = end == 1 and len(rest) > 1
    # in whole cents bars that have not changed are near any small factor
    is_small = abs(np.median(rest[:end]) - 1) <= TOLERANCE
    if is_single or is_small or on[:end].mean() < MOSTLY:
        return None
    return _Scaling(factor, end, on)


def _scaled(
    shared: _Shared, scaling: _Scaling, closes: Closes, actions: list[Action] | None
) -> Change:
    last = shared.day(scaling.end - 1)
    says = f"{shared.symbol}: the past to {last} is scaled by {scaling.factor:.6f}"
    if actions is not None:
        says += ", for which the feed of corporate actions knows no reason"
        here = _by_position(actions, shared.days).get(scaling.end, [])
        factors = possible_factors(here, actions, (closes,)) if here else []
        if factors:
            listed = " and ".join(described(action) for action in here)
            says += f" ({listed} would scale it by {factors[0]:.6f})"
    return Change(
        kind="adjustment" if actions is None else "unexplained",
        first=shared.day(0),
        last=last,
        bars=int(scaling.on.sum()),
        ratio=scaling.factor,
        says=says,
    )


def _goes_along(shared: _Shared, field: str, shares: Numbers, scaling: _Scaling | None) -> Flags:
    """Where a price or a volume is unchanged, or changed as the adjusted prices or a split say."""
    is_volume = field == "volume"
    ratio = shared.of(field)
    tolerance = VOLUME_TOLERANCE if is_volume else TOLERANCE + shared.slack(field)

    def near(expected: Numbers | float) -> Flags:
        flags: Flags = np.abs(ratio / expected - 1) <= tolerance
        return flags

    same: Flags = np.abs(ratio - 1) <= (VOLUME_TOLERANCE if is_volume else TOLERANCE)
    same |= near(1 / shares if is_volume else shares) & (shares != 1)
    adjusted = shared.ratio
    same |= near(1 / adjusted if is_volume else adjusted) & (np.abs(adjusted - 1) > TOLERANCE)
    if scaling is not None:
        same |= near(float(np.median(ratio[: scaling.end]))) & scaling.on
    return same | np.isnan(ratio)  # a volume that is not known, or zero in both


def _correction(shared: _Shared, off: Flags) -> Change:
    at = np.flatnonzero(off)
    first, last = shared.day(at[0]), shared.day(at[-1])
    ratio = shared.ratio[at]
    is_constant = np.ptp(ratio) <= TOLERANCE * ratio[0]
    distance = {field: np.abs(shared.of(field)[at] - 1) for field in FIELDS}
    most = at[np.nanargmax(distance["adj_close"] + distance["close"])]
    return Change(
        kind="correction",
        first=first,
        last=last,
        bars=len(at),
        ratio=float(ratio[0]) if is_constant else None,
        says=f"{shared.symbol}: {_bars(len(at), first, last)} corrected; "
        f"{shared.day(most)}: {_old_and_new(shared, int(most))}",
    )


def _bars(count: int, first: date, last: date) -> str:
    if count == 1:
        return f"the bar of {first} was"
    return f"{count} bars from {first} to {last} were"


def _old_and_new(shared: _Shared, at: int) -> str:
    """The first field that differs on a session, `close 101 -> 101.5`."""
    for field in FIELDS:
        old, new = shared.old[field][at], shared.new[field][at]
        if abs(new - old) > (VOLUME_TOLERANCE if field == "volume" else TOLERANCE) * old:
            return f"{field} {old:g} -> {new:g}"
    return "within rounding"


def _is_in_cents(prices: Numbers) -> bool:
    return bool(np.all(np.abs(prices * 100 - np.round(prices * 100)) < 1e-6))
