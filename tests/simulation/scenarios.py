"""Everything that one seed decides, drawn before anything runs.

Each part is drawn from a source of its own (the seed and the part's name), so that a change to how
faults are drawn leaves the market of a seed as it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from random import Random

from alchemiser_dagster.embedded import CASH_STRICT, PAPER, REALISTIC, Profile
from alchemiser_dagster.market.sessions import session_close
from tests.simulation.deaths import PlannedDeath, draw_deaths
from tests.simulation.faults import KINDS, Outage, Rule
from tests.simulation.incidents import Incident, draw_incidents
from tests.simulation.markets import Market, draw_market

BOOKS = ("nuclear", "tqqq_for_the_long_term", "bonds", "gold_and_gas", "momentum")
PROFILES = (
    PAPER,
    PAPER,
    Profile(name="many parts", partial_fills=0.6),
    REALISTIC,
    REALISTIC,
    CASH_STRICT,
)
OPENING_CASH = (500, 3_000, 10_000, 100_000, 2_000_000)
RATE_LIMITS = (None, 200, 200, 40)
WEIGHT = Decimal("0.000000001")
WEIGHTS = ("1", "0.5", "0.25", "0.3333333333", "0.1", "0.02")


@dataclass(frozen=True)
class Target:
    """What a strategy wants in a session: weights by symbol, or `missing`, why it says nothing."""

    weights: Mapping[str, Decimal]
    scheduled: bool = True
    threshold: Decimal | None = None
    missing: str | None = None


@dataclass(frozen=True)
class Scenario:
    """One simulation: the world, the strategies' wishes, and what goes wrong.

    `targets` are by session, then by book; `lateness` is how many seconds after the opening of its
    window each session's run begins. In a `calm` one nothing goes wrong: then all must succeed.
    """

    seed: int
    market: Market
    opening_cash: Decimal
    allocations: Mapping[str, Decimal]
    profile: Profile
    rate_limit: int | None
    whole_shares: frozenset[str]
    targets: Sequence[Mapping[str, Target]]
    lateness: Sequence[int]
    faults: Sequence[Rule]
    deaths: Sequence[PlannedDeath]
    incidents: Sequence[Incident]
    calm: bool

    def describe(self) -> Iterator[str]:
        """The scenario in lines, for whoever reads the story."""
        yield f"seed {self.seed}: {self.profile.name}, {self.opening_cash} dollars, " + (
            f"{self.rate_limit or 'any number of'} requests a minute"
        )
        yield f"sessions {', '.join(map(str, self.market.sessions))}"
        yield f"books {', '.join(f'{book} {share}' for book, share in self.allocations.items())}"
        yield f"whole shares only: {', '.join(sorted(self.whole_shares)) or 'none'}"
        yield from (
            f"{event.kind} of {event.symbol} on {event.session}: {event.ratio}"
            for event in self.market.events
        )
        for session, late, wishes in zip(
            self.market.sessions, self.lateness, self.targets, strict=True
        ):
            yield f"{session}, run {late} s after the opening of the window:"
            for book, target in wishes.items():
                weights = ", ".join(f"{s} {w}" for s, w in target.weights.items())
                yield f"    {book}: {target.missing or weights or 'cash'}"
        yield from (f"fault: {rule}" for rule in self.faults)
        yield from (f"kill: session {death.session}, {death}" for death in self.deaths)
        yield from (
            f"incident: session {incident.session}, boundary {incident.boundary}, {incident}"
            for incident in self.incidents
        )


def draw_scenario(seed: int) -> Scenario:
    """The scenario of `seed`."""

    def source(part: str) -> Random:
        return Random(f"{seed}:{part}")

    market = draw_market(source("market"))
    chance = source("books")
    books = BOOKS[: chance.randint(2, len(BOOKS))]
    calm = source("calm").random() < 0.1
    sessions = len(market.sessions)
    return Scenario(
        seed=seed,
        market=market,
        opening_cash=Decimal(chance.choice(OPENING_CASH)),
        allocations=_draw_allocations(chance, books),
        profile=chance.choice(PROFILES),
        rate_limit=chance.choice(RATE_LIMITS),
        whole_shares=_draw_whole_shares(chance, market, calm=calm),
        targets=_draw_targets(source("targets"), market, books, calm=calm),
        lateness=[_draw_lateness(chance, calm=calm) for _ in market.sessions],
        faults=[] if calm else _draw_faults(source("faults"), market),
        deaths=[] if calm else draw_deaths(source("deaths"), sessions),
        incidents=[]
        if calm
        else draw_incidents(source("incidents"), sessions, market.symbols, books),
        calm=calm,
    )


def _draw_whole_shares(chance: Random, market: Market, *, calm: bool) -> frozenset[str]:
    """In a calm scenario none that split: of 12 shares 1:20 leaves a part that nobody can sell."""
    drawn = frozenset(symbol for symbol in market.symbols if chance.random() < 0.15)
    split = {event.symbol for event in market.events if event.kind == "split"}
    return drawn - split if calm else drawn


def _draw_lateness(chance: Random, *, calm: bool) -> int:
    """Mostly at once; sometimes so late that only market orders, or none, may be sent."""
    late = chance.choice((0, 0, 0, 5, 60, 300, 600, 770, 800, 835))
    return min(late, 60) if calm else late


def _draw_allocations(chance: Random, books: Sequence[str]) -> dict[str, Decimal]:
    """Shares of the account, which sum to one or leave a part to nobody."""
    raw = [chance.uniform(0.2, 1) for _ in books]
    whole = sum(raw) * chance.choice((1.0, 1.0, 1.25))
    return {
        book: Decimal(repr(part / whole)).quantize(Decimal("0.0001"), ROUND_DOWN)
        for book, part in zip(books, raw, strict=True)
    }


def _draw_targets(
    chance: Random, market: Market, books: Sequence[str], *, calm: bool
) -> list[dict[str, Target]]:
    """Books choose from the same few symbols, so that one often sells what another buys."""
    pool = chance.sample(market.symbols, k=min(len(market.symbols), chance.choice((2, 3, 4))))
    found: list[dict[str, Target]] = []
    for n in range(len(market.sessions)):
        session: dict[str, Target] = {}
        for book in books:
            if n > 0 and chance.random() < 0.3 and found[-1][book].missing is None:
                session[book] = found[-1][book]
            else:
                session[book] = _draw_target(chance, pool, calm=calm)
        found.append(session)
    return found


def _draw_target(chance: Random, pool: Sequence[str], *, calm: bool) -> Target:
    draw = chance.random()
    if draw < 0.05 and not calm:
        return Target({}, missing="its signal is missing")
    if draw < 0.07 and not calm:
        return Target({})  # a signal that says nothing
    if draw < 0.12 and not calm:
        return Target({"NOSUCH": Decimal("0.5"), pool[0]: Decimal("0.5")})
    symbols = chance.sample(list(pool), k=chance.randint(1, len(pool)))
    raw = [Decimal(chance.choice(WEIGHTS)) for _ in symbols]
    whole = max(sum(raw), Decimal(1))
    weights = {
        symbol: (part / whole).quantize(WEIGHT, ROUND_DOWN)
        for symbol, part in zip(symbols, raw, strict=True)
    }
    threshold = Decimal("0.05") if chance.random() < 0.2 else None
    return Target(weights, scheduled=chance.random() < 0.95, threshold=threshold)


def _draw_faults(chance: Random, market: Market) -> list[Rule]:
    kinds = chance.choices(
        KINDS, weights=[kind.weight for kind in KINDS], k=chance.choice((0, 1, 1, 2, 3, 5, 8))
    )
    rules = [rule for kind in kinds for rule in kind.rules(chance)]
    if chance.random() < 0.05:
        close = session_close(chance.choice(market.sessions))
        begins = close - timedelta(seconds=chance.randint(60, 900))
        rules.append(Outage(begins, chance.choice((20, 120, 600))).rule())
    return rules
