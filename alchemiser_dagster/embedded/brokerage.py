"""The account as a whole: its state, its desk, its clock and its store, held together.

Work is done in units: what changes inside a unit is committed when it ends, before anyone is
answered or told. A unit that fails leaves no trace; the state is read back from the store.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from alchemiser_dagster.embedded import account
from alchemiser_dagster.embedded.bars import BarTable
from alchemiser_dagster.embedded.bookkeeping import NAMESPACE, Bookkeeper
from alchemiser_dagster.embedded.busts import bust
from alchemiser_dagster.embedded.clock import last_closed_session, new_york_date
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.matching import PAPER, Profile
from alchemiser_dagster.embedded.money import cents
from alchemiser_dagster.embedded.option_settlement import OptionSettlement
from alchemiser_dagster.embedded.order_desk import OrderDesk
from alchemiser_dagster.embedded.orders import Order
from alchemiser_dagster.embedded.refusals import INVALID_VALUE, RefusalError
from alchemiser_dagster.embedded.state import Changes, Configuration, State
from alchemiser_dagster.embedded.store import StateFileError, Store
from alchemiser_dagster.embedded.timeline import Timeline
from alchemiser_dagster.embedded.venue import Venue
from alchemiser_dagster.market.sessions import aware

ACCOUNT_PREFIX = "EMB"
LATER_SETTINGS = {"settled_cash_only": "False", "duplicate_id_code": str(INVALID_VALUE)}
"""What an account has that was opened before there were these settings."""
MARGIN_MULTIPLIERS = ("1", "2", "4")


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What an account is opened with and keeps: seed, opening time and cash, margin, profile.

    `margin_multiplier` is "1", "2" or "4"; with "1" the account is long-only.
    """

    opened_at: datetime
    opening_cash: Decimal = Decimal("100000")
    seed: int = 7
    margin_multiplier: str = "1"
    profile: Profile = PAPER

    def __post_init__(self) -> None:
        aware(self.opened_at)
        if self.opening_cash < 0 or self.opening_cash != cents(self.opening_cash):
            raise ValueError(f"expected opening cash in whole cents, was {self.opening_cash}")
        if self.margin_multiplier not in MARGIN_MULTIPLIERS:
            raise ValueError(
                f"expected a margin multiplier 1, 2 or 4, was {self.margin_multiplier}"
            )


class Brokerage:
    """One account on the market of `bars`, kept in `store`.

    A new store gets an account on `terms`; an old one must have been opened on the same terms and
    with the same bars, to which later sessions and new symbols may have been added. Raises
    StateFileError otherwise.
    """

    def __init__(self, store: Store, bars: BarTable, terms: AccountTerms) -> None:
        self.store = store
        self.terms = terms
        self.market = Market(bars, terms.seed)
        settings = _settings(terms)
        if store.is_new:
            store.create(settings, _first_state(terms))
        else:
            _check_same_account(store, settings)
        _check_same_bars(store, bars)
        self.account_id = str(uuid.uuid5(NAMESPACE, f"account:{terms.seed}"))
        self.account_number = f"{ACCOUNT_PREFIX}{int(self.account_id[:8], 16):010d}"
        self.listeners: list[Callable[[Changes], None]] = []
        self._resume()

    def _resume(self) -> None:
        """Take up the state of the last commit."""
        self.state = self.store.load()
        profile = self.terms.profile
        self.books = Bookkeeper(self.state, self.terms.seed, profile.settled_cash_only)
        if profile.settled_cash_only:
            self.state.unsettled = self.store.unsettled(new_york_date(self.state.now))
        venue = Venue(self.books, self.market, profile)
        self.desk = OrderDesk(
            venue,
            self.terms.opening_cash,
            ended_order=self.store.order,
            client_id_used=self.store.client_id_used,
        )
        self.options = OptionSettlement(self.books, self.market)
        self.timeline = Timeline(venue, self.options)

    @contextmanager
    def unit(self) -> Iterator[None]:
        """A unit of work: committed at its end, undone if it raises."""
        try:
            yield
            self.store.commit(self.state, self.books.changes)
        except RefusalError:
            if self.books.changes != Changes():
                self._resume()
            raise
        except BaseException:
            self._resume()
            raise
        changes, self.books.changes = self.books.changes, Changes()
        for listener in self.listeners:
            listener(changes)

    def bust_last_fill(self, symbol: str) -> None:
        """Undo the latest fill in `symbol`, as a venue does with an erroneous trade."""
        fill = self.store.last_standing_fill(symbol)
        if fill is not None:
            bust(self.books, self.desk.order(fill.details["order_id"]), fill)

    def figures(self) -> account.Figures:
        return account.figures(self.state, self.market, self.terms.opening_cash)

    def order_by_client_id(self, client_order_id: str) -> Order | None:
        return self.store.order_by_client_id(client_order_id)


def _settings(terms: AccountTerms) -> dict[str, str]:
    return {
        "opened_at": terms.opened_at.astimezone(UTC).isoformat(),
        "opening_cash": str(cents(terms.opening_cash)),
        "seed": str(terms.seed),
        "margin_multiplier": terms.margin_multiplier,
        "profile": repr(terms.profile),
        "settled_cash_only": str(terms.profile.settled_cash_only),
        "duplicate_id_code": str(terms.profile.duplicate_id_code),
    }


def _first_state(terms: AccountTerms) -> State:
    now = terms.opened_at.astimezone(UTC)
    last_closed_session(now)
    return State(
        now=now,
        cash=cents(terms.opening_cash),
        last_stamp=now,
        configuration=Configuration(
            max_margin_multiplier=terms.margin_multiplier,
            no_shorting=terms.margin_multiplier == "1",
        ),
    )


def _check_same_account(store: Store, settings: dict[str, str]) -> None:
    kept = store.settings()
    for key, value in settings.items():
        if kept.get(key, LATER_SETTINGS.get(key)) != value:
            raise StateFileError(
                f"{store.path} belongs to another account: expected {key} {value}, "
                f"was {kept.get(key)}; use the terms it was opened with, or another state file"
            )


def _check_same_bars(store: Store, bars: BarTable) -> None:
    """Refuse bars that contradict those seen before; take note of new symbols and sessions."""
    seen = store.bars_seen()
    for symbol, (last, fingerprint) in seen.items():
        if symbol not in bars:
            raise StateFileError(
                f"{store.path} belongs to other bars: expected {symbol} up to {last}, "
                "was a table without it"
            )
        if bars.fingerprint(symbol, last) != fingerprint:
            raise StateFileError(
                f"{store.path} belongs to other bars: the bars of {symbol} up to {last} differ "
                "from those the account has traded on; use the same bars, or another state file"
            )
    grown = [s for s in bars.symbols if s not in seen or bars[s].last > seen[s][0]]
    store.write_bars_seen((s, bars[s].last, bars.fingerprint(s, bars[s].last)) for s in grown)
