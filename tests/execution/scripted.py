"""A trading day whose every fill is written down by the test.

The broker is the embedded one, in this process, on a market that stands still: XYZ is quoted
99.99/100.01 all day, ABC 49.99/50.01. In a symbol that is *held* its venue fills nothing by itself,
and the desk sees the quote that the test says:

    day = ScriptedDay.open(cash="20_000", books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    day.fill("XYZ.B.a1.s1", "40", after=5)     # five seconds after that order has come
    day.fill("XYZ.B.a1.s1", "20", at_cancel=True)
    day.trade(FIRST, {"a": day.want("a", XYZ="100")})
    assert day.orders("XYZ")[:2] == [
        "a1.s1 buy 100 at 100.10: canceled, 60 filled",
        "a1.s2 buy 40 at 100.15: canceled, 0 filled",
    ]

Orders are named by the end of their client id: symbol, side, attempt, step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.embedded import InProcessBroker, Profile
from alchemiser_dagster.embedded.faults import FaultRule
from alchemiser_dagster.embedded.orders import Execution as Filled
from alchemiser_dagster.embedded.orders import Order, OrderFilter
from alchemiser_dagster.execution import opening, phases, preparation, settlement
from alchemiser_dagster.execution.desk import DEPLOYMENT, WINDOW, Desk
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.execution.identities import books_not_rebuilt, journal_broken
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.execution.settlement import SessionReport
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.ledger.rails import Rail, set_rail
from alchemiser_dagster.ledger.schema import trades
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import session_close

from .conftest import INCEPTION, TradingDay
from .script import Script, flat_market, scripted_gateway

PRICES = {"XYZ": 100.0, "ABC": 50.0, "THIN": 20.0, "TEN": 10.005}
"""Each is quoted a cent below and above; TEN at 10.00/10.01, the smallest spread there is."""
WHOLE_FILLS = Profile(partial_fills=0.0)
QUOTES = "/v2/stocks/quotes/latest"
ORDER = {"method": "POST", "path": "/v2/orders"}
EVERY_ORDER = OrderFilter(status="all", limit=10_000, descending=False)
EDGE = Decimal("1e-9")
"""Dollars by which a target is lowered, so that rounding does not leave a share unsold."""


@dataclass
class ScriptedDay(TradingDay):
    """A trading day at a broker that does what the script says."""

    broker: InProcessBroker
    script: Script
    terms: Mapping[str, BookTerms]
    _quotes: dict[str, list[FaultRule]] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        *,
        cash: str = "100_000",
        books: Mapping[str, str] | None = None,
        prices: Mapping[str, float] = PRICES,
        later: Mapping[str, tuple[date, float]] | None = None,
        crossing: bool = True,
        profile: Profile = WHOLE_FILLS,
        rate_limit: int | None = None,
    ) -> "ScriptedDay":
        """A desk with `cash` dollars; `books` are shares of it by name, a 0.6 and b 0.4."""
        broker = InProcessBroker(
            flat_market(prices, later),
            opened_at=session_close(INCEPTION) + timedelta(hours=1),
            opening_cash=Decimal(cash),
            profile=profile,
            rate_limit=rate_limit,
        )
        script = Script(broker)
        terms = {b: BookTerms(Decimal(s)) for b, s in (books or {"a": "0.6", "b": "0.4"}).items()}
        desk = Desk(
            scripted_gateway(broker, script), Ledger("sqlite://"), "embedded", crossing=crossing
        )
        return cls(desk, broker.control(), broker, script, terms)

    # --- the session -------------------------------------------------------------------------

    def begin(self, session: date, wishes: Mapping[str, Wish], *, seconds_left: int = 0) -> None:
        """Open the session and plan it, as the window opens or so long before the close."""
        left = timedelta(seconds=seconds_left) if seconds_left else WINDOW
        moment = session_close(session) - left
        self.broker.advance_to(max(moment, self.broker.now))
        window = check_gate(self.desk, session)
        assert window is not None
        settlement.finish_earlier(self.desk, session)
        opening.open_session(self.desk, window, self.terms, inception=INCEPTION)
        preparation.plan_session(self.desk, session, wishes)

    def size(self, session: date) -> None:
        """The barrier: confirm the cash, size the purchases, book the crosses."""
        phases.size(self.desk, session, phases.confirm_cash(self.desk, session))

    def finish(self, session: date) -> SessionReport:
        """All that follows the plan."""
        phases.sell(self.desk, session)
        self.size(session)
        phases.buy(self.desk, session)
        return settlement.settle(self.desk, session)

    def trade(
        self, session: date, wishes: Mapping[str, Wish], *, seconds_left: int = 0
    ) -> SessionReport:
        """One whole session."""
        self.begin(session, wishes, seconds_left=seconds_left)
        return self.finish(session)

    def want(self, book: str, **shares: str) -> Wish:
        """The weights at which a book comes to hold exactly these shares, at the quotes of now.

        Shares that are not named are sold. A book that wants nothing keeps what it holds.
        """
        if not shares:
            return Wish({"XYZ": Decimal(1)}, scheduled=False)
        held = self.holdings().get(book, {})
        cash = self.cash() or {
            name: Decimal(self.broker.brokerage.state.cash) * own.allocation
            for name, own in self.terms.items()
        }
        capital = cash[book] + sum((q * self.mid(s) for s, q in held.items()), ZERO)
        weights = {}
        for symbol, text in shares.items():
            more = Decimal(text) - held.get(symbol, ZERO)
            target = Decimal(text) * self.mid(symbol) - EDGE
            if more > 0:
                target = held.get(symbol, ZERO) * self.mid(symbol) + more * self.ask(symbol)
            weights[symbol] = target / (capital * DEPLOYMENT)
        return Wish(weights)

    # --- the market --------------------------------------------------------------------------

    def hold(self, symbol: str, quote: str = "") -> None:
        """From now on nothing fills in a symbol but what the script says."""
        self.control.set_asset(symbol, halted=True)
        if quote:
            self.quote(symbol, quote)

    def release(self, symbol: str) -> None:
        """Let a symbol trade again."""
        self.control.set_asset(symbol, halted=False)

    def quote(self, symbol: str, quote: str) -> None:
        """What the desk sees from now on: "100.00/100.20"."""
        sides = zip(("bp", "ap"), quote.split("/"), strict=True)
        for rule in self._quotes.pop(symbol, []):
            self.broker.faults.rules.remove(rule)
        self._quotes[symbol] = [
            self.fault(
                stage="after_commit",
                action="set_field",
                field=f"quotes.{symbol}.{side}",
                value=float(price),
                match={"path": QUOTES, "symbol": symbol},
            )
            for side, price in sides
        ]

    def bid(self, symbol: str) -> Decimal:
        return self._quoted(symbol)[0]

    def ask(self, symbol: str) -> Decimal:
        return self._quoted(symbol)[1]

    def mid(self, symbol: str) -> Decimal:
        return sum(self._quoted(symbol), ZERO) / 2

    def _quoted(self, symbol: str) -> Sequence[Decimal]:
        if symbol in self._quotes:
            return [Decimal(str(rule.settings["value"])) for rule in self._quotes[symbol]]
        moment = max(self.broker.now, session_close(INCEPTION) - WINDOW)
        quote = self.broker.brokerage.market.quote(symbol, moment)
        assert quote is not None
        return [quote.bid, quote.ask]

    def fill(
        self,
        order: str,
        shares: str,
        *,
        at: str | None = None,
        after: float = 0,
        at_cancel: bool = False,
    ) -> None:
        """Fill shares of an order to come, at its limit (a market order at the touch) or `at`."""

        def happen() -> None:
            found = self.open_order(order)
            price = Decimal(at) if at else found.limit_price
            if price is None:
                price = self.ask(found.symbol) if found.is_buy else self.bid(found.symbol)
            with self.broker.brokerage.unit():
                self.broker.brokerage.books.fill(found, Filled(Decimal(shares), price))

        self._cue(order, happen, after, at_cancel=at_cancel)

    def end(self, order: str, status: str, *, after: float = 0) -> None:
        """The venue ends an order to come: canceled, expired, rejected, done_for_day."""

        def happen() -> None:
            found = self.open_order(order)
            with self.broker.brokerage.unit():
                self.broker.brokerage.books.end(found, status)

        self._cue(order, happen, after)

    def then(self, order: str, happen: Callable[[], object], *, after: float = 0) -> None:
        """Have something happen so many seconds after an order has come."""
        self.script.when_it_comes(order, after, happen)

    def fault(self, **rule: object) -> FaultRule:
        """Put a fault rule in force; the rule counts how often it fires."""
        self.broker.faults.add([rule])
        return self.broker.faults.rules[-1]

    def brake(self, rail: Rail, scope: str, *, on: bool = True) -> None:
        """An operator puts a rail on, or takes it off."""
        with self.desk.ledger.write() as connection:
            set_rail(
                connection, rail, scope,
                on=on, reason="a test", set_by="operator", at=self.broker.now,
            )  # fmt: skip

    def open_order(self, order: str) -> Order:
        """The open order whose client id ends so."""
        (found,) = (
            one
            for one in self.broker.brokerage.state.orders.values()
            if one.client_order_id.endswith(order)
        )
        return found

    def _cue(
        self, order: str, happen: Callable[[], object], after: float, *, at_cancel: bool = False
    ) -> None:
        if at_cancel:
            self.script.when_its_end_is_asked(order, happen)
        else:
            self.script.when_it_comes(order, after, happen)

    # --- what came of it ---------------------------------------------------------------------

    def orders(self, symbol: str) -> list[str]:
        """The desk's orders in a symbol as the broker has them, in the order they came."""
        return [_told(order) for order in self._orders() if order.symbol == symbol]

    def sides(self, session: date) -> dict[str, set[str]]:
        """The sides of each symbol that the broker saw of the desk's orders in a session."""
        day = f"{session:%Y%m%d}"
        seen: dict[str, set[str]] = {}
        for order in self._orders():
            if order.client_order_id.split(".")[1] == day:
                seen.setdefault(order.symbol, set()).add(order.side)
        return seen

    def _orders(self) -> list[Order]:
        found = self.broker.brokerage.store.orders(EVERY_ORDER)
        return [order for order in found if order.client_order_id.startswith("e.")]

    def sent(self) -> list[str]:
        """The client ids of all requests to place an order, repetitions included."""
        return [text.removeprefix("POST ") for text in self.script.asked if text.startswith("POST")]

    def trade_of(self, book: str, symbol: str, session: date) -> tuple[str, str]:
        """How a book's trade ended: state and reason."""
        with self.desk.ledger.read() as connection:
            row = connection.execute(
                select(trades.c.state, trades.c.reason).where(
                    trades.c.session == session, trades.c.book == book, trades.c.symbol == symbol
                )
            ).one()
        return row.state, row.reason

    def disagreements(self) -> list[str]:
        """Where books and broker, or books and journal, do not agree to the share and the cent."""
        with self.desk.ledger.read() as connection:
            found = [*journal_broken(connection), *books_not_rebuilt(connection)]
        return [*found, *map(str, self.differences())]

    def held(self, book: str, symbol: str) -> Decimal:
        """Shares of a symbol in a book."""
        with self.desk.ledger.read() as connection:
            return positions(connection).get(book, {}).get(symbol, ZERO)


def _told(order: Order) -> str:
    attempt_and_step = ".".join(order.client_order_id.split(".")[-2:])
    at = "market" if order.limit_price is None else f"at {order.limit_price:.2f}"
    shares = f"{(order.qty or ZERO).normalize():f}"
    filled = f"{order.filled_qty.normalize():f}"
    return f"{attempt_and_step} {order.side} {shares} {at}: {order.status}, {filled} filled"
