"""Faults: declarative rules that say which request goes wrong, when, and how.

A rule is a mapping:

    match   method, path (a pattern with *), symbol, side, client_order_id; all that are given
            must fit, and a rule without any fits every request
    when    nth: 3 (only the third fitting request), after: 3 (from the fourth on), every: 3,
            probability: 0.1 (drawn from the seed), from / until (simulated times with zone)
    stage   "before" the request is looked at, "after_commit" (what was asked is done and durable;
            only the answer suffers), or "stream" (an event of the trading stream)
    action  what happens: `HTTP_ACTIONS`, `ANSWER_ACTIONS`, `ORDER_ACTIONS`, `STREAM_ACTIONS`
    times   how often at most; without it, always

and the action's own settings beside these. Every rule counts how often it was looked at and how
often it fired, so that a test can assert that its fault really happened. Rules live in the running
server only: one that crashes it is gone when it is started again.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path

from alchemiser_dagster.embedded.paths import uniform

HTTP_ACTIONS = frozenset({"status", "delay", "hang", "reset", "redirect", "crash"})
ANSWER_ACTIONS = frozenset(
    {
        "truncate_body",
        "bad_json",
        "set_field",
        "unknown_enum",
        "null_field",
        "drop_item",
        "duplicate_items",
        "reverse_items",
        "stale_quote",
        "zero_side",
        "crossed",
        "locked",
        "missing_symbol",
        "missing_bar",
        "clock_skew",
        "stale_order",
    }
)
ORDER_ACTIONS = frozenset(
    {
        "reject_async",
        "partial_then_cancel",
        "expire_early",
        "fill_before_cancel",
        "fill_on_canceled",
        "cancel_lost",
        "replace_lost",
        "bust_fill",
    }
)
STREAM_ACTIONS = frozenset({"duplicate", "drop", "reorder", "delay", "disconnect"})
STAGES = {
    "before": HTTP_ACTIONS | ORDER_ACTIONS,
    "after_commit": HTTP_ACTIONS | ANSWER_ACTIONS,
    "stream": STREAM_ACTIONS,
}
MATCH_KEYS = ("method", "path", "symbol", "side", "client_order_id")
WHEN_KEYS = ("nth", "after", "every", "probability", "from", "until")


class FaultRuleError(ValueError):
    """A rule that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a rule is matched with: a request, or an event of the stream (`method` STREAM)."""

    method: str
    path: str
    symbols: frozenset[str] = frozenset()
    side: str | None = None
    client_order_id: str | None = None


@dataclass(slots=True)
class FaultRule:
    """One rule, and how often it was looked at and fired."""

    id: int
    stage: str
    action: str
    match: Mapping[str, str] = field(default_factory=dict)
    when: Mapping[str, object] = field(default_factory=dict)
    times: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    seen: int = 0
    fired: int = 0

    def fits(self, occasion: Occasion) -> bool:
        wanted = self.match
        if "method" in wanted and wanted["method"] != occasion.method:
            return False
        if "path" in wanted and not fnmatchcase(occasion.path, wanted["path"]):
            return False
        if "symbol" in wanted and wanted["symbol"] not in occasion.symbols:
            return False
        if "side" in wanted and wanted["side"] != occasion.side:
            return False
        return not (
            "client_order_id" in wanted
            and not fnmatchcase(occasion.client_order_id or "", wanted["client_order_id"])
        )

    def is_due(self, seed: int, now: datetime) -> bool:
        """Whether it fires at this fitting occasion, the `seen`-th."""
        if self.times is not None and self.fired >= self.times:
            return False
        when = self.when
        starts, ends = when.get("from"), when.get("until")
        if isinstance(starts, datetime) and now < starts:
            return False
        if isinstance(ends, datetime) and now > ends:
            return False
        nth, after, every = when.get("nth"), when.get("after"), when.get("every")
        if isinstance(nth, int) and self.seen != nth:
            return False
        if isinstance(after, int) and self.seen <= after:
            return False
        if isinstance(every, int) and self.seen % every != 0:
            return False
        chance = when.get("probability")
        if isinstance(chance, float):
            return uniform(seed, "fault", self.id, self.seen) < chance
        return True

    def view(self) -> dict[str, object]:
        when = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in self.when.items()
        }
        return {
            "id": self.id,
            "stage": self.stage,
            "action": self.action,
            "match": dict(self.match),
            "when": when,
            "times": self.times,
            **self.settings,
            "seen": self.seen,
            "fired": self.fired,
        }


def read_rules(path: Path) -> list[Mapping[str, object]]:
    """The rules of a TOML file, its `[[fault]]` tables, each checked; raises FaultRuleError."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FaultRuleError(f"{path}: expected a TOML file of fault rules: {error}") from error
    rules = found.get("fault")
    if set(found) != {"fault"} or not isinstance(rules, list):
        raise FaultRuleError(
            f"{path}: expected [[fault]] tables and nothing else, was {sorted(found) or 'empty'}"
        )
    try:
        FaultPlan(seed=0, may_crash=True).add(rules)
    except FaultRuleError as error:
        raise FaultRuleError(f"{path}: {error}") from error
    return rules


class FaultPlan:
    """The rules in force; `may_crash` says whether this process may be killed by one."""

    def __init__(self, seed: int, may_crash: bool = False) -> None:
        self._seed = seed
        self._may_crash = may_crash
        self._count = 0
        self.rules: list[FaultRule] = []

    def add(self, rules: Iterable[Mapping[str, object]]) -> list[int]:
        """Put rules in force, all or none; their ids. Raises FaultRuleError."""
        new = [self._read(rule, self._count + n) for n, rule in enumerate(rules, start=1)]
        self._count += len(new)
        self.rules += new
        return [rule.id for rule in new]

    def clear(self) -> None:
        self.rules = []

    def due(self, stage: str, occasion: Occasion, now: datetime) -> list[FaultRule]:
        """The rules of `stage` that fire now, counted as seen and fired."""
        firing = []
        for rule in self.rules:
            if rule.stage == stage and rule.fits(occasion):
                rule.seen += 1
                if rule.is_due(self._seed, now):
                    rule.fired += 1
                    firing.append(rule)
        return firing

    def _read(self, given: Mapping[str, object], rule_id: int) -> FaultRule:
        rest = {name: _plain(value) for name, value in given.items()}
        stage, action = str(rest.pop("stage", "before")), str(rest.pop("action", ""))
        if stage not in STAGES:
            raise FaultRuleError(f"expected a stage of {sorted(STAGES)}, was {stage}")
        if action not in STAGES[stage]:
            raise FaultRuleError(
                f"expected an action of stage {stage}: {sorted(STAGES[stage])}, was {action!r}"
            )
        if action == "crash" and not self._may_crash:
            raise FaultRuleError("crash is for a broker in a process of its own, was in a thread")
        times = rest.pop("times", None)
        if times is not None and not isinstance(times, int):
            raise FaultRuleError(f"expected times to be a whole number, was {times!r}")
        return FaultRule(
            id=rule_id,
            stage=stage,
            action=action,
            match={k: str(v) for k, v in _part(rest.pop("match", {}), "match", MATCH_KEYS).items()},
            when=_read_when(_part(rest.pop("when", {}), "when", WHEN_KEYS)),
            times=times,
            settings=rest,
        )


def _part(value: object, name: str, keys: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or any(key not in keys for key in value):
        raise FaultRuleError(f"expected {name} with some of {keys}, was {value!r}")
    return value


def _read_when(given: Mapping[str, object]) -> Mapping[str, object]:
    when: dict[str, object] = {}
    for name, value in given.items():
        if name in ("from", "until"):
            moment = value if isinstance(value, datetime) else _moment(str(value))
            if moment.tzinfo is None:
                raise FaultRuleError(f"expected {name} with a time zone, was {value}")
            when[name] = moment
        elif name == "probability":
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise FaultRuleError(f"expected a probability from 0 to 1, was {value!r}")
            when[name] = float(value)
        elif not isinstance(value, int) or value < 0:
            raise FaultRuleError(f"expected {name} to be a whole number, was {value!r}")
        else:
            when[name] = value
    return when


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise FaultRuleError(f"expected a time, was {text!r}") from None


def _plain(value: object) -> object:
    """JSON numbers, which are read as Decimals, as ints and floats."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
