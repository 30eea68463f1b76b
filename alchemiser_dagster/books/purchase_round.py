"""One round of `books.sizing`: what books buy when what each may spend is given.

    dollars    each book's wants, scaled by one factor to its limit
    crosses    of every symbol held back, as many shares as the dollars buy at the mid
    market     the dollars that are left, scaled by one factor to the account's cash, at the ask

A symbol with shares to sell in the market, now or earlier in the session, is not bought there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO, fill_cash, floor_cents, floor_quantity
from alchemiser_dagster.books.netting import Cross, Prices, Purchase, Sale, cross
from alchemiser_dagster.books.planning import DUST, TOO_DEAR


@dataclass(frozen=True)
class Round:
    """Purchases of one round: what they cross, what they buy in the market, what that costs.

    `crossed`, `to_buy` (shares) and `budgets` (dollars) are by purchase, `to_sell` (shares) by
    sale, `spent` and `proceeds` (dollars) by book.
    """

    crosses: tuple[Cross, ...]
    crossed: Mapping[str, Decimal]
    to_buy: Mapping[str, Decimal]
    budgets: Mapping[str, Decimal]
    to_sell: Mapping[str, Decimal]
    spent: Mapping[str, Decimal]
    proceeds: Mapping[str, Decimal]


@dataclass(frozen=True)
class Request:
    """The arguments of `size_and_cross`, in the order of their trades."""

    wants: Sequence[Purchase]
    held_back: Sequence[Sale]
    account_cash: Decimal
    prices: Mapping[str, Prices]
    minimums: Mapping[str, Decimal]
    whole_shares: Set[str]
    sold: Set[str]

    @property
    def totals(self) -> Mapping[str, Decimal]:
        """Dollars wanted, by book."""
        return _sums((want.book, want.dollars) for want in self.wants)

    def proceeds_of_everything(self) -> Mapping[str, Decimal]:
        """Dollars by book if all that was held back were crossed."""
        return _sums(
            (sale.book, fill_cash(sale.quantity, self.prices[sale.symbol].mid))
            for sale in self.held_back
            if sale.symbol in self.prices
        )

    def size(self, limits: Mapping[str, Decimal], dropped: Mapping[str, str]) -> Round:
        """Size and cross all purchases but the dropped, each book's for at most its limit."""
        totals = self.totals
        dollars = {
            want.trade_id: _scaled(want.dollars, limits[want.book], totals[want.book])
            for want in self.wants
        }
        crosses = self._crosses(dollars, dropped)
        crossed = {trade: shares for made in crosses for trade, shares in made.purchases.items()}
        costs = {trade: cash for made in crosses for trade, cash in made.costs.items()}
        proceeds = {trade: cash for made in crosses for trade, cash in made.proceeds.items()}
        gone = {trade: shares for made in crosses for trade, shares in made.sales.items()}
        to_sell = {
            sale.trade_id: sale.quantity - gone.get(sale.trade_id, ZERO)
            for sale in self.held_back
            if sale.quantity > gone.get(sale.trade_id, ZERO)
        }
        selling = {sale.symbol for sale in self.held_back if sale.trade_id in to_sell} | self.sold
        market = {
            want.trade_id: max(ZERO, dollars[want.trade_id] - costs.get(want.trade_id, ZERO))
            for want in self.wants
            if want.symbol not in selling
        }
        to_buy, market = self._in_the_market(market, dropped)
        budgets = {
            want.trade_id: costs.get(want.trade_id, ZERO) + market.get(want.trade_id, ZERO)
            for want in self.wants
        }
        return Round(
            crosses=crosses,
            crossed=crossed,
            to_buy=to_buy,
            budgets=budgets,
            to_sell=to_sell,
            spent=_sums((want.book, budgets[want.trade_id]) for want in self.wants),
            proceeds=_sums(
                (sale.book, proceeds.get(sale.trade_id, ZERO)) for sale in self.held_back
            ),
        )

    def _crosses(
        self, dollars: Mapping[str, Decimal], dropped: Mapping[str, str]
    ) -> tuple[Cross, ...]:
        crosses = []
        for symbol in sorted({sale.symbol for sale in self.held_back} & self.prices.keys()):
            prices, whole = self.prices[symbol], symbol in self.whole_shares
            offered = {s.trade_id: s.quantity for s in self.held_back if s.symbol == symbol}
            wanted = {
                want.trade_id: floor_quantity(dollars[want.trade_id] / prices.mid, whole=whole)
                for want in self.wants
                if want.symbol == symbol and want.trade_id not in dropped
            }
            made = cross(symbol, prices, offered=offered, wanted=wanted, whole=whole)
            if made is not None:
                crosses.append(made)
        return tuple(crosses)

    def _in_the_market(
        self, market: Mapping[str, Decimal], dropped: Mapping[str, str]
    ) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """Shares and budgets of what `market` dollars buy within the account's cash."""
        total = sum(market.values(), ZERO)
        budgets = {
            trade: _scaled(amount, min(total, self.account_cash), total)
            for trade, amount in market.items()
            if trade not in dropped
        }
        symbols = {want.trade_id: want.symbol for want in self.wants}
        shares = {
            trade: floor_quantity(
                budget / self.prices[symbols[trade]].to_buy,
                whole=symbols[trade] in self.whole_shares,
            )
            for trade, budget in budgets.items()
        }
        blocks = _sums(
            (symbols[trade], quantity * self.prices[symbols[trade]].to_buy)
            for trade, quantity in shares.items()
        )
        # What the broker would refuse as too small an order is not bought.
        bought = {t: q for t, q in shares.items() if q > 0 and blocks[symbols[t]] >= DUST}
        return bought, {trade: budgets[trade] for trade in bought}

    def too_small(self, round_: Round, dropped: Mapping[str, str]) -> dict[str, str]:
        """Purchases of a round that are not worth making, with the reason."""
        small = {}
        for want in self.wants:
            if want.trade_id in dropped:
                continue
            prices, minimum = self.prices[want.symbol], self.minimums[want.book]
            crossed = round_.crossed.get(want.trade_id, ZERO)
            to_buy = round_.to_buy.get(want.trade_id, ZERO)
            if crossed + to_buy > 0 and crossed * prices.mid + to_buy * prices.to_buy >= minimum:
                continue
            if want.symbol in self.sold:
                reason = "its symbol is sold in the market in this session"
            elif want.symbol in self.whole_shares:
                reason = TOO_DEAR
            else:
                reason = f"what its cash buys is below the smallest trade of {minimum}"
            small[want.trade_id] = reason
        return small


def _scaled(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount` x part / whole, in cents rounded down; part is at most the whole."""
    return floor_cents(amount if part == whole else amount * part / whole)


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> defaultdict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for key, amount in amounts:
        sums[key] += amount
    return sums
