"""Books to plan, written short: decimals as text, everything deployed unless said otherwise."""

from collections.abc import Mapping, Set
from decimal import Decimal

from alchemiser_dagster.books.planning import Action, Plan, PlanItem, plan_book

D = Decimal


def plan(
    weights: Mapping[str, str],
    holdings: Mapping[str, str],
    cash: str,
    prices: Mapping[str, str],
    *,
    p: str = "1",
    threshold: str | None = None,
    scheduled: bool = True,
    whole: Set[str] = frozenset(),
    frozen: Set[str] = frozenset(),
    all_cash: bool = False,
    force: bool = False,
) -> Plan:
    return plan_book(
        weights={s: D(w) for s, w in weights.items()},
        holdings={s: D(q) for s, q in holdings.items()},
        cash=D(cash),
        prices={s: D(x) for s, x in prices.items()},
        deployment=D(p),
        threshold=None if threshold is None else D(threshold),
        scheduled=scheduled,
        whole_shares=whole,
        frozen=frozen,
        all_cash=all_cash,
        force=force,
    )


def example(p: str = "1", whole: Set[str] = frozenset(), frozen: Set[str] = frozenset()) -> Plan:
    """A book of 30,000: 200 TQQQ at 75, 10 SPY at 500, 10,000 of cash; TLT costs 90.

    Its signal is 60 % TQQQ, 40 % TLT.
    """
    return plan(
        {"TQQQ": "0.6", "TLT": "0.4"},
        {"TQQQ": "200", "SPY": "10"},
        "10000",
        {"TQQQ": "75", "SPY": "500", "TLT": "90"},
        p=p,
        whole=whole,
        frozen=frozen,
    )


def item(made: Plan, symbol: str) -> PlanItem:
    (found,) = [item for item in made.items if item.symbol == symbol]
    return found


def actions(made: Plan) -> dict[str, Action]:
    return {item.symbol: item.action for item in made.items}
