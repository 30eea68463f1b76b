"""One step of a block: whether an order may follow, for how much, at what price; and sending it.

    rails ─► time ─► quote ─► shares left, whole shares, budget ─► allocation to trades ─► send

Everything that keeps an order from being sent ends here, with a reason; nothing else sends orders.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.books.allocation import BILLIONTH, allocate
from alchemiser_dagster.books.limits import LARGEST_ORDER
from alchemiser_dagster.books.money import CENT, ZERO, floor_quantity, to_cents
from alchemiser_dagster.books.planning import DUST
from alchemiser_dagster.execution.block import LIMIT_WAIT, WorkingBlock, patience
from alchemiser_dagster.execution.desk import DEPLOYMENT, Capital, Desk
from alchemiser_dagster.execution.errors import OrderRefused, Refusal
from alchemiser_dagster.execution.identifiers import client_order_id
from alchemiser_dagster.execution.orders import InFlight, Intent, place
from alchemiser_dagster.execution.prices import MARKET_STEP, limit_price
from alchemiser_dagster.execution.quotes import Quote, problem
from alchemiser_dagster.execution.rails import RailBreach, check_order
from alchemiser_dagster.ledger.block_records import (
    NewOrder,
    arrive_block,
    books_of_order,
    end_block,
    money_left,
    open_block_members,
)
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.ledger.rails import Rail, Rails, rail_state, set_rail
from alchemiser_dagster.ledger.session_records import session_prices

QUOTE_TRIES = 4
COLLAR = Decimal("1.05")
"""The broker checks the buying power of a market order at a price so much above the ask."""
PAUSE = timedelta(seconds=5)
"""Between a market order that did not fill and the next attempt."""
WHOLE = Decimal(1)
BOOK_HALTED, TOO_LATE = "book", "time"
WHOLE_ONLY = "whole shares only"


class StepMaker:
    """Makes the steps of the blocks of one session."""

    def __init__(
        self, desk: Desk, session: date, capital: Capital, in_time: Callable[[], bool]
    ) -> None:
        """`in_time` says whether an order may still be sent now."""
        self._gateway = desk.gateway
        self._ledger = desk.ledger
        self._environment = desk.environment
        self._session = session
        self._capital = capital
        self._in_time = in_time
        self._prices = {
            s: quoted.price for s, quoted in session_prices(self._ledger, session).items()
        }

    def obstacle(self, order: InFlight, rails: Rails) -> str | None:
        """Why an order in flight may not go on; None when it may."""
        if order.books is None:
            with self._ledger.read() as connection:
                order.books = frozenset(books_of_order(connection, order.name))
        intent = order.intent
        found = (
            rails.obstacle(symbol=intent.symbol, side=intent.side, book=book)
            for book in sorted(order.books)
        )
        return next((why for why in found if why is not None), None)

    def next(
        self,
        block: WorkingBlock,
        quote: Quote | None,
        now: datetime,
        *,
        rails: Rails,
        may_send: bool,
        late: bool,
    ) -> bool:
        """Take a block without an order one step on; True when an order was sent."""
        with self._ledger.read() as connection:
            members = open_block_members(connection, block.block_id)
        obstacles = {
            trade: rails.obstacle(symbol=block.symbol, side=block.side, book=book)
            for trade, (book, _) in members.items()
        }
        allowed = {t: shares for t, (_, shares) in members.items() if obstacles[t] is None}
        if not members:
            self._end(block, now, "")
        elif not allowed:
            self._end(block, now, next(why for why in obstacles.values() if why), "blocked")
        elif not may_send:
            self._end(block, now, "too close to the end of the session", "skipped")
        elif block.step >= MARKET_STEP and not block.may_try_again():
            self._end(block, now, block.last_message or "the market order did not fill")
        elif self._has_to_wait(block, now):
            pass
        elif (fault := "no quote" if quote is None else problem(quote, now)) is not None:
            block.bad_quotes += 1
            if block.bad_quotes >= QUOTE_TRIES:
                self._end(block, now, f"no valid quote: {fault}")
        else:
            assert quote is not None
            block.bad_quotes = 0
            books = {book for trade, (book, _) in members.items() if trade in allowed}
            return self._send(block, quote, now, allowed, books, late=late)
        return False

    def same_again(self, block: WorkingBlock, quote: Quote | None, now: datetime) -> bool:
        """Keep an order whose time is up when the next step would place the very same one."""
        order = block.order
        assert order is not None
        limit, later = order.intent.limit_price, block.step + 1
        if order.cancelling or limit is None or later >= MARKET_STEP:
            return False
        if quote is None or problem(quote, now) is not None:
            return False
        if limit_price(block.side, later, quote) != limit:
            return False
        block.step, order.until = later, now + LIMIT_WAIT
        return True

    def refused(self, block: WorkingBlock, refusal: OrderRefused, now: datetime) -> None:
        """Decide what follows from the broker's refusal: another try, once a kind, or the end."""
        block.last_state, block.last_message = "rejected", str(refusal)
        kind = refusal.refusal
        if kind is Refusal.ACCOUNT:
            with self._ledger.write() as connection:
                set_rail(
                    connection,
                    Rail.HALT,
                    "account",
                    on=True,
                    reason=f"the broker refuses orders: {refusal.message}",
                    set_by="trading",
                    at=now,
                )
        again = {
            Refusal.BUYING_POWER: self._resize,
            Refusal.QUANTITY_HELD: self._take_available,
            Refusal.WASH_TRADE: self._wait_a_little,
            Refusal.FRACTION: self._whole_shares,
        }.get(kind)
        if again is None or kind in block.refusals or not again(block, now):
            self._end(block, now, str(refusal))
            return
        block.refusals.add(kind)
        block.attempt, block.step = block.attempt + 1, block.step - 1

    # --- sending -----------------------------------------------------------------------------

    def _send(
        self,
        block: WorkingBlock,
        quote: Quote,
        now: datetime,
        allowed: dict[str, Decimal],
        books: set[str],
        *,
        late: bool,
    ) -> bool:
        attempt, step = block.next_step(late=late)
        limit = None if step == MARKET_STEP else limit_price(block.side, step, quote)
        touch = quote.ask if block.side == "buy" else quote.bid
        price = touch if limit is None else limit
        quantity, why = self._quantity(block, allowed, price)
        if quantity * price < DUST:
            self._end(block, now, why or f"what was left is worth less than {DUST}")
            return False
        if block.step == 0:
            arrive_block(self._ledger, block.block_id, quote.bid, quote.ask, now)
        whole = quantity == quantity.to_integral_value() and all(
            shares == shares.to_integral_value() for shares in allowed.values()
        )
        parts = allocate(quantity, allowed, step=WHOLE if whole else BILLIONTH)
        intent = Intent(
            client_order_id=client_order_id(
                self._environment,
                self._session,
                block.symbol,
                block.side,
                round_=block.round_,
                attempt=attempt,
                step=step,
            ),
            symbol=block.symbol,
            side=block.side,
            quantity=quantity,
            limit_price=limit,
        )
        order = NewOrder(
            client_order_id=intent.client_order_id,
            block_id=block.block_id,
            attempt=attempt,
            step=step,
            order_type="market" if limit is None else "limit",
            quantity=quantity,
            limit_price=limit,
            notional=to_cents(quantity * price) + CENT,
            allocations={trade: part for trade, part in parts.items() if part > 0},
            at=now,
        )
        stood_at, (block.attempt, block.step) = (block.attempt, block.step), (attempt, step)
        try:
            found = place(
                self._gateway, self._ledger, order, intent, self._rails(block, order, books)
            )
        except RailBreach as breach:
            if breach.rail not in (BOOK_HALTED, TOO_LATE):  # for the next round to judge
                self._end(block, now, str(breach), "blocked")
            block.attempt, block.step = stood_at
            return False
        except OrderRefused as refusal:
            self.refused(block, refusal, now)
            return True
        block.order = InFlight(intent, until=now + patience(limit), found=found)
        block.order.books = frozenset(books)
        block.order.since = now if found is None else None
        return True

    def _rails(
        self, block: WorkingBlock, order: NewOrder, books: set[str]
    ) -> Callable[[Connection], None]:
        def check(connection: Connection) -> None:
            if not self._in_time():
                raise RailBreach(TOO_LATE, "something took too long, as a locked ledger does")
            rails = rail_state(connection)
            for book in sorted(books):
                why = rails.obstacle(symbol=block.symbol, side=block.side, book=book)
                if why is not None and rails.obstacle(symbol=block.symbol, side=block.side) is None:
                    raise RailBreach(BOOK_HALTED, why)
            held = positions(connection)
            value = sum(
                (
                    shares * self._prices.get(symbol, ZERO)
                    for own in held.values()
                    for symbol, shares in own.items()
                ),
                ZERO,
            )
            check_order(
                connection,
                session=self._session,
                symbol=block.symbol,
                side=block.side,
                notional=order.notional,
                books_capital=sum((self._capital.books[book] for book in books), ZERO),
                equity=self._capital.equity,
                long_market_value=value,
                deployment=DEPLOYMENT,
            )

        return check

    def _quantity(
        self, block: WorkingBlock, allowed: dict[str, Decimal], price: Decimal
    ) -> tuple[Decimal, str]:
        """Shares of the next order, and why they are fewer than what is left to trade."""
        quantity, why = sum(allowed.values(), ZERO), ""
        if block.side == "buy":
            with self._ledger.read() as connection:
                dollars = money_left(connection, allowed)
            if quantity * price > dollars:
                quantity, why = floor_quantity(max(dollars, ZERO) / price), "the budget is spent"
            asset = self._gateway.assets().get(block.symbol)
            if asset is not None and not asset.fractionable:
                block.whole_shares = True
        largest = floor_quantity((LARGEST_ORDER - DUST) / price)
        if quantity > largest:
            quantity = largest  # what is left is for the next step
        if block.most is not None and block.most < quantity:
            quantity, why = block.most, block.last_message
        if block.whole_shares and quantity != quantity.to_integral_value():
            quantity, why = floor_quantity(quantity, whole=True), WHOLE_ONLY
        return quantity, why

    def _has_to_wait(self, block: WorkingBlock, now: datetime) -> bool:
        """Whether a new attempt, or one after a wash trade, has its pause before it."""
        if block.not_before is None and block.step >= MARKET_STEP:
            block.not_before = now + PAUSE
        if block.not_before is None or now >= block.not_before:
            block.not_before = None
            return False
        return True

    # --- after a refusal ---------------------------------------------------------------------

    def _resize(self, block: WorkingBlock, _now: datetime) -> bool:
        """Take what the buying power allows, should the market move by its collar."""
        if block.side != "buy":
            return False
        quote = self._gateway.quotes([block.symbol]).get(block.symbol)
        if quote is None or quote.ask <= 0:
            return False
        power = self._gateway.account().buying_power
        block.most = floor_quantity(max(power, ZERO) / (quote.ask * COLLAR))
        return block.most * quote.ask >= DUST

    def _take_available(self, block: WorkingBlock, _now: datetime) -> bool:
        """Sell what no other order holds; shares that are missing are for the reconciliation."""
        position = self._gateway.positions().get(block.symbol)
        block.most = ZERO if position is None else max(position.available, ZERO)
        return block.side == "sell" and block.most > 0

    def _wait_a_little(self, block: WorkingBlock, now: datetime) -> bool:
        block.not_before = now + PAUSE
        return True

    def _whole_shares(self, block: WorkingBlock, _now: datetime) -> bool:
        block.whole_shares = True
        return True

    def _end(self, block: WorkingBlock, now: datetime, why: str, unfilled: str = "failed") -> None:
        """End a block that has no order in flight."""
        with self._ledger.read() as connection:
            members = open_block_members(connection, block.block_id)
        left = sum((shares for _, shares in members.values()), ZERO)
        if left <= 0:
            state, why = "filled", ""
        else:
            state = "partial" if left < block.quantity else unfilled
        end_block(self._ledger, block.block_id, state, why, now)
        block.ended = True
