"""The kinds of faults that a simulated broker has, by name: rules of the embedded broker.

Each kind draws the rules for one occurrence; the name travels in the rule, so that what fired can
be counted by kind. What happens to the account by other hands (a trade by hand, a halt, a deposit)
is in `incidents`; the program's own death in `deaths`.

Most faults are aimed at orders: the n-th one sent, or the n-th cancel. All of them end by
themselves after a few times, as the broker's do; only an `outage` takes a span of time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

Rule = dict[str, Any]

ORDER = {"method": "POST", "path": "/v2/orders"}
CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}
READ = {"method": "GET"}
ORDER_LIST = {"method": "GET", "path": "/v2/orders"}
ORDER_READS = {"method": "GET", "path": "/v2/orders*"}
BY_CLIENT_ID = {"method": "GET", "path": "/v2/orders:by_client_order_id"}
ACTIVITIES = {"method": "GET", "path": "/v2/account/activities*"}
ACCOUNT = {"method": "GET", "path": "/v2/account"}
POSITIONS = {"method": "GET", "path": "/v2/positions"}
QUOTES = {"method": "GET", "path": "/v2/stocks/quotes/latest"}
CLOCK = {"method": "GET", "path": "/v2/clock"}

NO_RESET = "X-Simulation-No-Reset"
"""An answer with this header loses what it says of the rate limit on its way (see `boundaries`)."""
AFTER = "after_commit"
DUPLICATE = {"code": 40010001, "message": "client_order_id must be unique"}
NOT_FOUND = {"code": 40410000, "message": "order not found"}


@dataclass(frozen=True)
class FaultKind:
    """A named kind; `draw` makes the rules of one occurrence.

    `weight` is how often it is chosen, relative to the others.
    """

    name: str
    draw: Callable[[Random], list[Rule]]
    weight: float = 1.0

    def rules(self, chance: Random) -> list[Rule]:
        """The rules of one occurrence, each with the kind's name."""
        return [{"name": self.name, **rule} for rule in self.draw(chance)]


def _one(action: str, match: Mapping[str, str], **settings: Any) -> Callable[[Random], list[Rule]]:
    """One rule that hits the n-th fitting request, or `most` in a row from there."""
    most = settings.pop("most", 1)
    latest = settings.pop("latest", 6)

    def draw(chance: Random) -> list[Rule]:
        rule: Rule = {"action": action, "match": dict(match), **settings}
        rule["when"] = {"after": chance.randint(0, latest - 1)}
        rule["times"] = chance.randint(1, most)
        for name, value in rule.items():
            if isinstance(value, range | tuple):
                rule[name] = chance.choice(value)
        return [rule]

    return draw


def _refused(status: int, code: int, message: str, most: int = 2) -> Callable[[Random], list[Rule]]:
    """The broker's clear refusal of an order."""
    return _one("status", ORDER, status=status, body={"code": code, "message": message}, most=most)


def _accepted_unseen(chance: Random) -> list[Rule]:
    """An order is accepted, its answer is lost, and the first looks at it find nothing."""
    (lost,) = _one("reset", ORDER, stage=AFTER)(chance)
    unseen: Rule = {"action": "status", "status": 404, "body": NOT_FOUND, "match": BY_CLIENT_ID}
    return [lost, {**unseen, "times": chance.randint(1, 3)}]


def _some_quotes(action: str, **settings: Any) -> Callable[[Random], list[Rule]]:
    return _one(action, QUOTES, stage=AFTER, most=8, latest=12, **settings)


SERVER_ERRORS = (500, 502, 503, 504)
BODIES = ("json", "html", "empty")

KINDS: tuple[FaultKind, ...] = (
    # too many requests
    FaultKind("429", _one("status", {}, status=429, most=3, latest=120)),
    FaultKind(
        "429 without a reset time",
        _one("status", {}, status=429, headers={NO_RESET: "1"}, most=3, latest=120),
    ),
    FaultKind("429 burst", _one("status", {}, status=429, most=12, latest=120)),
    FaultKind("429 to an order", _one("status", ORDER, status=429, most=3)),
    # nothing was done
    FaultKind(
        "5xx before an order", _one("status", ORDER, status=SERVER_ERRORS, body=BODIES, most=2)
    ),
    FaultKind(
        "5xx to a reading",
        _one("status", READ, status=SERVER_ERRORS, body=BODIES, most=4, latest=100),
    ),
    FaultKind("reset before an order", _one("reset", ORDER, most=2)),
    FaultKind("reset of a reading", _one("reset", READ, most=3, latest=100)),
    FaultKind("timeout before an order", _one("hang", ORDER, seconds=30)),
    FaultKind("keys refused", _one("status", {}, status=401, latest=200), weight=0.3),
    # it was done, and the answer does not say so
    FaultKind(
        "5xx after an order",
        _one("status", ORDER, status=SERVER_ERRORS, body=BODIES, stage=AFTER, most=2),
    ),
    FaultKind("reset after an order", _one("reset", ORDER, stage=AFTER, most=2)),
    FaultKind("timeout after an order", _one("hang", ORDER, seconds=30, stage=AFTER)),
    FaultKind("429 after an order", _one("status", ORDER, status=429, stage=AFTER)),
    FaultKind("order accepted after the timeout", _one("delay", ORDER, seconds=range(11, 45))),
    FaultKind("slow answers", _one("delay", {}, seconds=range(1, 10), most=4, latest=80)),
    FaultKind("slow readings", _one("hang", READ, seconds=30, most=2, latest=80)),
    FaultKind("accepted, and not to be read yet", _accepted_unseen),
    # answers that cannot be understood
    FaultKind("body cut short", _one("truncate_body", ORDER, stage=AFTER, most=2)),
    FaultKind("not JSON", _one("bad_json", ORDER, stage=AFTER, most=2)),
    FaultKind(
        "HTML with status 200", _one("status", ORDER, status=200, body="html", stage=AFTER, most=2)
    ),
    FaultKind(
        "HTML with status 403", _one("status", ORDER, status=403, body="html", stage=AFTER, most=2)
    ),
    FaultKind("unknown status", _one("unknown_enum", ORDER_READS, stage=AFTER, most=4)),
    FaultKind("reading cut short", _one("truncate_body", READ, stage=AFTER, most=3, latest=100)),
    # refusals
    FaultKind(
        "duplicate id, truly",
        _one("status", ORDER, status=422, body=DUPLICATE, stage=AFTER, most=2),
    ),
    FaultKind("wash trade", _refused(403, 40310000, "potential wash trade detected")),
    FaultKind(
        "insufficient quantity",
        _refused(403, 40310000, "insufficient qty available for order (available: 0)"),
    ),
    FaultKind("pattern day trader", _refused(403, 40310100, "trade denied due to protection")),
    FaultKind("sub-penny", _refused(422, 42210000, "invalid limit_price: sub-penny increment")),
    FaultKind("buying power refused", _refused(403, 40310000, "insufficient buying power", most=3)),
    FaultKind("not fractionable, suddenly", _refused(403, 40310000, "asset is not fractionable")),
    FaultKind("account restricted", _refused(403, 40310000, "account is restricted", most=1)),
    # executions
    FaultKind("executions twice", _one("duplicate_items", ACTIVITIES, stage=AFTER, most=4)),
    FaultKind("executions out of order", _one("reverse_items", ACTIVITIES, stage=AFTER, most=4)),
    FaultKind(
        "executions late",
        _one(
            "drop_item",
            ACTIVITIES,
            stage=AFTER,
            field="type",
            value=("fill", "partial_fill"),
            most=3,
        ),
    ),
    FaultKind("fill before the cancel", _one("fill_before_cancel", CANCEL, most=2)),
    FaultKind("fill in spite of the cancel", _one("fill_on_canceled", CANCEL, most=2)),
    FaultKind("cancel lost", _one("cancel_lost", CANCEL, most=3)),
    FaultKind("reset after a cancel", _one("reset", CANCEL, stage=AFTER, most=2)),
    FaultKind("5xx to a cancel", _one("status", CANCEL, status=SERVER_ERRORS, most=2)),
    FaultKind(
        "readings lag behind",
        _one("stale_order", ORDER_READS, stage=AFTER, seconds=range(2, 9), most=6, latest=30),
    ),
    FaultKind(
        "open orders missing from the list",
        _one("drop_item", ORDER_LIST, stage=AFTER, field="status", value="new", most=3, latest=20),
    ),
    # how orders end
    FaultKind(
        "partly filled, then canceled",
        _one("partial_then_cancel", ORDER, qty=(0.5, 1, 3), most=2),
        weight=2,
    ),
    FaultKind("expired early", _one("expire_early", ORDER, most=2)),
    FaultKind("rejected late", _one("reject_async", ORDER, most=2)),
    # the clock
    FaultKind(
        "clock a little off",
        _one("clock_skew", CLOCK, stage=AFTER, seconds=(-2.0, -0.5, 0.5, 2.0), most=6, latest=30),
    ),
    FaultKind(
        "clock far off",
        _one("clock_skew", CLOCK, stage=AFTER, seconds=(-300, 300, 86_400), most=2, latest=30),
    ),
    # quotes
    FaultKind("stale quotes", _some_quotes("stale_quote", seconds=(15, 90, 1200))),
    FaultKind("one-sided quotes", _some_quotes("zero_side", side=("bid", "ask"))),
    FaultKind("crossed quotes", _some_quotes("crossed")),
    FaultKind("locked quotes", _some_quotes("locked")),
)


@dataclass(frozen=True)
class Outage:
    """All requests refused with 503 from `begins` on, for `seconds`."""

    begins: datetime
    seconds: int

    def rule(self) -> Rule:
        """The rule of the embedded broker that makes it."""
        ends = self.begins + timedelta(seconds=self.seconds)
        return {
            "name": "outage",
            "action": "status",
            "status": 503,
            "when": {"from": self.begins, "until": ends},
        }
