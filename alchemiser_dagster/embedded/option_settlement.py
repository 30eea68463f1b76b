"""The end of an option: exercise, assignment, expiry.

At the close of its last session a contract that is a cent or more in the money is exercised; the
others expire. Whoever lacks the cash for a call, or the shares for a put, gets the intrinsic value
instead, as from the broker's sale before expiry; a call sold without its shares behind it pays it.
Each leaves an activity OPEXC, OPASN or OPEXP and, where shares or cash change hands, an OPTRD.
"""

from decimal import Decimal

from alchemiser_dagster.embedded.account import add_to_position, held_for_orders
from alchemiser_dagster.embedded.bookkeeping import Bookkeeper
from alchemiser_dagster.embedded.clock import new_york_date
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import CENT, ZERO, cents, plain, rounded
from alchemiser_dagster.embedded.option_contracts import CONTRACT_SIZE, Contract, read_contract
from alchemiser_dagster.embedded.refusals import not_found, unprocessable
from alchemiser_dagster.embedded.state import Position


class OptionSettlement:
    """Ends the options of the account in `books`."""

    def __init__(self, books: Bookkeeper, market: Market) -> None:
        self._books = books
        self._market = market

    def expire(self) -> None:
        """Settle every contract that ends today; called at the close."""
        today = new_york_date(self._books.state.now)
        for symbol in sorted(self._books.state.positions):
            contract = read_contract(symbol)
            if contract is not None and contract.expiration <= today:
                self._settle(contract, self._books.state.positions[symbol])

    def exercise(self, symbol: str) -> None:
        """Exercise a bought contract now, whatever it is worth."""
        position = self._books.state.positions.get(symbol)
        contract = read_contract(symbol)
        if position is None or contract is None or position.qty <= 0:
            raise not_found("position does not exist")
        if held_for_orders(self._books.state, symbol) > 0:
            raise unprocessable("position is held for orders")
        if not self._can_deliver(contract, position.qty):
            raise unprocessable("insufficient cash or shares to exercise")
        self._exchange(contract, position, "OPEXC")

    def _settle(self, contract: Contract, position: Position) -> None:
        worth = contract.intrinsic(self._price(contract))
        if worth < CENT:
            self._end(contract, position, "OPEXP", ZERO)
            return
        kind = "OPEXC" if position.qty > 0 else "OPASN"
        if self._can_deliver(contract, position.qty):
            self._exchange(contract, position, kind)
        else:
            self._end(contract, position, kind, worth * CONTRACT_SIZE * position.qty)

    def _can_deliver(self, contract: Contract, qty: Decimal) -> bool:
        """Whether cash (to receive shares) or shares (to deliver them) are there."""
        state = self._books.state
        if contract.is_call == (qty > 0):
            return state.cash >= abs(qty) * contract.strike * CONTRACT_SIZE
        shares = state.positions.get(self._underlying(contract))
        return shares is not None and shares.qty >= abs(qty) * CONTRACT_SIZE

    def _exchange(self, contract: Contract, position: Position, kind: str) -> None:
        """Shares against the strike in cash."""
        state = self._books.state
        receives = contract.is_call == (position.qty > 0)
        shares = abs(position.qty) * CONTRACT_SIZE * (1 if receives else -1)
        self._end(contract, position, kind, ZERO)
        symbol = self._underlying(contract)
        held = state.positions.setdefault(symbol, Position(symbol))
        if held.qty * shares < 0 and held_for_orders(state, symbol) > abs(held.qty + shares):
            self._cancel_orders(symbol)
        add_to_position(held, shares, contract.strike)
        if held.qty == 0:
            del state.positions[symbol]
        self._books.changes.positions.add(symbol)
        self._trade(symbol, shares, contract.strike, cents(-shares * contract.strike))

    def _end(self, contract: Contract, position: Position, kind: str, cash: Decimal) -> None:
        """Take the contracts off the book, against `cash`."""
        symbol, qty = contract.symbol, position.qty
        del self._books.state.positions[symbol]
        self._books.changes.positions.add(symbol)
        self._note(kind, {"symbol": symbol, "qty": plain(-qty), "net_amount": "0"})
        if cash:
            self._trade(symbol, -qty, cash / qty / CONTRACT_SIZE, cents(cash))

    def _trade(self, symbol: str, qty: Decimal, price: Decimal, cash: Decimal) -> None:
        details = {
            "symbol": symbol,
            "qty": plain(qty),
            "price": plain(price),
            "net_amount": rounded(cash, 2),
        }
        key = self._note("OPTRD", details)
        self._books.move_cash("option", cash, self._books.state.last_stamp, key)

    def _note(self, kind: str, details: dict[str, str]) -> str:
        at = self._books.stamp()
        key = self._books.next_id(kind)
        day = new_york_date(at)
        entry = {"date": day.isoformat(), "status": "executed", **details}
        self._books.add_activity(kind, at, key, entry, prefix=f"{day:%Y%m%d}000000000")
        return key

    def _cancel_orders(self, symbol: str) -> None:
        for order in list(self._books.state.orders.values()):
            if order.symbol == symbol and order.is_open:
                self._books.end(order, "canceled")

    def _underlying(self, contract: Contract) -> str:
        symbol = self._market.options.underlying(contract)
        assert symbol is not None, f"expected bars of {contract.root}"
        return symbol

    def _price(self, contract: Contract) -> Decimal:
        trade = self._market.trade(self._underlying(contract), self._books.state.now)
        assert trade is not None
        return trade.price
