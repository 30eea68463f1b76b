"""The account's identities under any sequence of orders, cancels, replacements and time."""

import tempfile
from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alchemiser_dagster.embedded import Profile
from alchemiser_dagster.embedded.account import held_for_orders, reservation
from alchemiser_dagster.embedded.archive import ActivityFilter
from alchemiser_dagster.embedded.bars import BarTable
from alchemiser_dagster.embedded.brokerage import AccountTerms, Brokerage
from alchemiser_dagster.embedded.clock import next_close, next_open
from alchemiser_dagster.embedded.order_fields import read_order, read_replacement
from alchemiser_dagster.embedded.orders import OrderFilter
from alchemiser_dagster.embedded.refusals import RefusalError
from alchemiser_dagster.embedded.store import Store
from tests.embedded.conftest import new_york, tiny_bars

BARS = BarTable(tiny_bars())
OPENING_CASH = Decimal("20000")
SYMBOLS = st.sampled_from(["CALM", "STILL", "THIN", "WILD"])
SIDES = st.sampled_from(["buy", "buy", "sell"])
QUANTITIES = st.one_of(
    st.integers(1, 300).map(Decimal),
    st.decimals("0.001", "50", places=9),
)
PRICES = st.decimals("0.40", "110", places=2)
ALL_ORDERS = OrderFilter(status="all", limit=10_000, descending=False)
ALL_ACTIVITIES = ActivityFilter(descending=False, limit=100_000)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


class AccountMachine(RuleBasedStateMachine):
    """One account, longed and (with margin) shorted at random."""

    @initialize(
        seed=st.integers(0, 1000),
        multiplier=st.sampled_from(["1", "2"]),
        partial=st.sampled_from([0.0, 0.5, 1.0]),
    )
    def open_account(self, seed: int, multiplier: str, partial: float) -> None:
        self.folder = tempfile.TemporaryDirectory()
        profile = Profile(
            partial_fills=partial, times_in_force=("day", "gtc", "ioc", "fok", "opg", "cls")
        )
        self.terms = AccountTerms(
            new_york("2024-03-18 10:00"), OPENING_CASH, seed, multiplier, profile
        )
        self.store = Store(Path(self.folder.name) / "broker.sqlite")
        self.broker = Brokerage(self.store, BARS, self.terms)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    def send(self, body: dict[str, Any]) -> None:
        try:
            request = read_order(body)
            with self.broker.unit():
                self.broker.desk.submit(request)
        except RefusalError:
            return

    @rule(
        symbol=SYMBOLS,
        side=SIDES,
        qty=QUANTITIES,
        time_in_force=st.sampled_from(["day", "ioc", "fok", "opg", "cls"]),
    )
    def market_order(self, symbol: str, side: str, qty: Decimal, time_in_force: str) -> None:
        self.send(
            {
                "symbol": symbol,
                "side": side,
                "qty": qty,
                "type": "market",
                "time_in_force": time_in_force,
            }
        )

    @rule(symbol=SYMBOLS, side=SIDES, notional=st.decimals("1", "5000", places=2))
    def dollar_order(self, symbol: str, side: str, notional: Decimal) -> None:
        body = {"symbol": symbol, "side": side, "notional": notional, "type": "market"}
        self.send({**body, "time_in_force": "day"})

    @rule(
        symbol=SYMBOLS,
        side=SIDES,
        qty=QUANTITIES,
        price=PRICES,
        time_in_force=st.sampled_from(["day", "gtc"]),
        extended=st.booleans(),
    )
    def limit_order(
        self,
        symbol: str,
        side: str,
        qty: Decimal,
        price: Decimal,
        time_in_force: str,
        extended: bool,
    ) -> None:
        body = {"symbol": symbol, "side": side, "qty": qty, "type": "limit", "limit_price": price}
        self.send({**body, "time_in_force": time_in_force, "extended_hours": extended})

    @rule(symbol=SYMBOLS, side=SIDES, qty=QUANTITIES, price=PRICES)
    def stop_order(self, symbol: str, side: str, qty: Decimal, price: Decimal) -> None:
        body = {"symbol": symbol, "side": side, "qty": qty, "type": "stop", "stop_price": price}
        self.send({**body, "time_in_force": "day"})

    @rule(
        symbol=SYMBOLS,
        side=SIDES,
        qty=st.integers(1, 100).map(Decimal),
        kind=st.sampled_from(["bracket", "bracket", "oco", "oto"]),
        width=st.decimals("0.01", "0.3", places=2),
        time_in_force=st.sampled_from(["day", "gtc"]),
    )
    def order_with_exits(
        self, symbol: str, side: str, qty: Decimal, kind: str, width: Decimal, time_in_force: str
    ) -> None:
        trade = self.broker.market.trade(symbol, self.broker.state.now)
        assert trade is not None
        exits_sell = (side == "buy") != (kind == "oco")
        profit, loss = (1 + width, 1 - width) if exits_sell else (1 - width, 1 + width)
        body: dict[str, Any] = {
            "symbol": symbol,
            "side": side,
            "qty": qty,
            "type": "limit" if kind == "oco" else "market",
            "time_in_force": time_in_force,
            "order_class": kind,
            "take_profit": {"limit_price": round(trade.price * profit, 2)},
        }
        if kind != "oto":
            body["stop_loss"] = {"stop_price": round(trade.price * loss, 2)}
        self.send(body)

    @rule(data=st.data(), qty=st.integers(1, 300), price=PRICES)
    def replace(self, data: st.DataObject, qty: int, price: Decimal) -> None:
        if not self.broker.state.orders:
            return
        order_id = data.draw(st.sampled_from(sorted(self.broker.state.orders)))
        try:
            change = read_replacement({"qty": Decimal(qty), "limit_price": price})
            with self.broker.unit():
                self.broker.desk.replace(order_id, change)
        except RefusalError:
            return

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.broker.state.orders:
            with self.broker.unit():
                self.broker.desk.cancel(
                    data.draw(st.sampled_from(sorted(self.broker.state.orders)))
                )

    @rule(cancel_orders=st.booleans())
    def close_all(self, cancel_orders: bool) -> None:
        with self.broker.unit():
            self.broker.desk.close_all(cancel_orders)

    @rule(minutes=st.sampled_from([1, 7, 60, 400]))
    def wait(self, minutes: int) -> None:
        with self.broker.unit():
            self.broker.timeline.advance_to(self.broker.state.now + timedelta(minutes=minutes))

    @rule()
    def to_the_next_close(self) -> None:
        with self.broker.unit():
            self.broker.timeline.advance_to(next_close(self.broker.state.now))

    @rule()
    def to_the_next_open(self) -> None:
        with self.broker.unit():
            self.broker.timeline.advance_to(next_open(self.broker.state.now))

    @rule()
    def restart(self) -> None:
        before = self.broker.state
        self.store.close()
        self.store = Store(self.store.path)
        self.broker = Brokerage(self.store, BARS, self.terms)
        assert self.broker.state == before

    @invariant()
    def cash_is_the_opening_cash_and_every_fill_by_the_cent_rule(self) -> None:
        if not hasattr(self, "broker"):
            return
        cash = OPENING_CASH
        held: dict[str, Decimal] = defaultdict(Decimal)
        for activity in self.store.activities(ALL_ACTIVITIES) or []:
            fill = activity.details
            qty, price = Decimal(fill["qty"]), Decimal(fill["price"])
            sign = 1 if fill["side"] == "buy" else -1
            cash -= sign * cents(qty * price)
            held[fill["symbol"]] += sign * qty
            assert price == round(price, 4)
            assert qty == round(qty, 9)
        state = self.broker.state
        assert state.cash == cash
        assert cash == OPENING_CASH + sum(entry.amount for entry in self.store.cash_entries())
        assert {s: q for s, q in held.items() if q} == {
            s: p.qty for s, p in state.positions.items()
        }

    @invariant()
    def figures_add_up(self) -> None:
        if not hasattr(self, "broker"):
            return
        now, state = self.broker.figures(), self.broker.state
        assert now.equity == now.cash + now.long_market_value + now.short_market_value
        held = sum((reservation(state, order) for order in state.orders.values()), Decimal(0))
        free = now.multiplier * now.equity - now.long_market_value + now.short_market_value - held
        assert now.buying_power == max(Decimal(0), free)
        if now.multiplier == 1:
            assert now.short_market_value == 0
            assert now.buying_power == max(Decimal(0), now.cash - held)

    @invariant()
    def shares_in_orders_are_shares_held(self) -> None:
        if not hasattr(self, "broker"):
            return
        state = self.broker.state
        for symbol, position in state.positions.items():
            assert held_for_orders(state, symbol) <= abs(position.qty)
            assert abs(position.overnight_qty) <= abs(position.qty)

    @invariant()
    def orders_hold_what_their_fills_say(self) -> None:
        if not hasattr(self, "broker"):
            return
        filled: dict[str, Decimal] = defaultdict(Decimal)
        prices: dict[str, list[Decimal]] = defaultdict(list)
        for activity in self.store.activities(ALL_ACTIVITIES) or []:
            filled[activity.details["order_id"]] += Decimal(activity.details["qty"])
            prices[activity.details["order_id"]].append(Decimal(activity.details["price"]))
        for order in self.store.orders(ALL_ORDERS):
            assert order.filled_qty == filled[order.id]
            assert order.qty is None or order.filled_qty <= order.qty
            assert (order.status == "filled") == (order.filled_at is not None)
            if order.limit_price is not None:
                for price in prices[order.id]:
                    assert (
                        price <= order.limit_price if order.is_buy else price >= order.limit_price
                    )


AccountMachine.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAccountIdentities = AccountMachine.TestCase
