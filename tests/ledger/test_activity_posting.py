"""What the broker did to the account reaches the books, each thing once, and the sums stay its."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from random import Random
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, update

from alchemiser_dagster.ledger.account_activity import AccountActivity
from alchemiser_dagster.ledger.activity_posting import posted_until
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.queries import book_cash, open_lots, positions
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    UNATTRIBUTED,
    activities,
    metadata,
    sessions,
)
from tests.ledger.activity_lines import bust, by_hand, cash, holdings, is_sound, line, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.traded import CASH, OPENED, Traded

D = Decimal


def test_what_is_not_understood_is_unallocated_cash_and_a_warning(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    (done,) = post(traded, line("r", "MA", symbol="XYZ", quantity="-10", amount="150.00"))
    assert done.warns
    assert cash(traded)[UNALLOCATED] == 150
    assert holdings(traded) == {"a": {"XYZ": D(10)}}  # left to the reconciliation


def test_posting_twice_is_posting_once(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 50")
    lines = [
        line("s", "SPLIT", symbol="XYZ", quantity="10"),
        line("d", "DIV", symbol="XYZ", amount="12.34"),
        line("c", "CSD", amount="5000.00"),
        by_hand("m", "sell 5 XYZ @ 30"),
        line("r", "REORG", symbol="XYZ", quantity="1"),
        line("n", "MEM"),
    ]
    assert len(post(traded, *lines)) == 6
    with traded.ledger.read() as connection:
        before = everything(connection)
    assert post(traded, *reversed(lines), *lines, day=6) == []
    with traded.ledger.read() as connection:
        assert everything(connection) == before


def test_of_several_who_post_at_once_one_does(ledger_url: str) -> None:
    traded = Traded.at(ledger_url)
    lines = [line(f"c{n}", "CSD", amount="10.00") for n in range(8)]
    start = Barrier(3)

    def opening() -> int:
        start.wait()
        return len(post(traded, *lines))

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(opening) for _ in range(3)]
    assert sum(one.result() for one in done) == 8
    assert sum(cash(traded).values()) == CASH + 80
    traded.ledger.close()


def everything(connection: Connection) -> dict[str, list[str]]:
    return {t.name: sorted(map(str, connection.execute(select(t)))) for t in metadata.sorted_tables}


def test_everything_counts_to_the_session_that_is_opened(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 50")
    with traded.ledger.read() as connection:
        before = book_cash(connection), open_lots(connection)
    post(
        traded,
        line("d", "DIV", day=4, symbol="XYZ", amount="1.00"),
        line("s", "SPLIT", day=3, symbol="XYZ", quantity="10"),
        by_hand("m", "buy 1 ABC @ 5", day=3),
        day=6,
    )
    with traded.ledger.read() as connection:
        through = date(2026, 11, 5)
        assert (book_cash(connection, through=through), open_lots(connection, through=through)) == (
            before
        )


def test_an_activity_that_cannot_be_posted_leaves_nothing_behind(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    with traded.ledger.write() as connection:  # in the way of the lot that it would open
        open_other_lot(
            connection, lot_id="m", book=UNATTRIBUTED, symbol="ABC", session=date(2026, 11, 3),
            at=OPENED, quantity=D(1), price=D(1), cost=D(1),
        )  # fmt: skip
    before = cash(traded)
    with pytest.raises(Exception, match=r"lots"):
        post(traded, by_hand("m", "buy 5 XYZ @ 10"))
    assert cash(traded) == before
    with traded.ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(activities)).scalar_one() == 0


def test_posted_until(traded: Traded) -> None:
    def until() -> date | None:
        with traded.ledger.read() as connection:
            return posted_until(connection)

    assert until() is None
    traded.begin(3)
    assert until() is None
    with traded.ledger.write() as connection:
        connection.execute(update(sessions).values(state="complete"))
    assert until() == date(2026, 11, 3)
    post(traded, line("d", "CSD", day=4, amount="1.00"))
    assert until() == date(2026, 11, 4)


class Account:
    """What the broker has after each event, and what it lists of it."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.traded = Traded.at("sqlite://")
        self.cash = CASH
        self.shares: dict[str, Decimal] = {}
        self.listed: list[AccountActivity] = []
        self.day = 2
        self._undoable: dict[str, tuple[Decimal, Decimal]] = {}

    def trade(self, book: str, side: str, shares: Decimal, price: Decimal) -> None:
        self.catch_up()
        self.traded.trade(self.day, f"{book} {side} {shares} XYZ @ {price}")
        self._traded(f"x.2026-11-{self.day:02}.XYZ.{book}", side, shares, price)

    def trade_by_hand(self, side: str, shares: Decimal, price: Decimal) -> None:
        name = f"m{self.day}"
        self.listed.append(by_hand(name, f"{side} {shares} XYZ @ {price}", day=self.day))
        self._traded(name, side, shares, price)

    def pay(self, kind: str, amount: Decimal) -> None:
        self.cash += amount
        self.listed.append(
            line(f"p{self.day}", kind, day=self.day, symbol="XYZ", amount=str(amount))
        )

    def split(self, ratio: Decimal) -> None:
        before = self.shares.get("XYZ", D(0))
        after = (before * ratio).quantize(D("0.000000001"), "ROUND_DOWN")
        if before <= 0 or after <= 0:
            return
        self.shares["XYZ"] = after
        self.listed.append(
            line(f"s{self.day}", "SPLIT", day=self.day, symbol="XYZ", quantity=str(after - before))
        )

    def bust(self, which: int) -> None:
        if not self._undoable:
            return
        name = sorted(self._undoable)[which % len(self._undoable)]
        shares, dollars = self._undoable.pop(name)
        self.cash -= dollars
        self.shares["XYZ"] -= shares
        self.listed.append(bust(f"b{self.day}", name, f"{-shares} XYZ {-dollars}", day=self.day))

    def _traded(self, name: str, side: str, shares: Decimal, price: Decimal) -> None:
        signed = shares if side == "buy" else -shares
        dollars = -(signed * price).quantize(D("0.01"), "ROUND_HALF_UP")
        self.cash += dollars
        self.shares["XYZ"] = self.shares.get("XYZ", D(0)) + signed
        self._undoable[name] = (signed, dollars)

    def catch_up(self) -> None:
        """Open a session: post what is listed, all of it again and in any order."""
        self._random.shuffle(self.listed)
        post(self.traded, *self.listed, day=self.day)


quantities = st.integers(1, 20_000_000_000).map(lambda n: D(n).scaleb(-9))
prices = st.integers(100, 30_000).map(lambda n: D(n).scaleb(-2))
dollars = st.integers(-50_000, 50_000).filter(bool).map(lambda n: D(n).scaleb(-2))
sides = st.sampled_from(["buy", "sell"])
events = st.one_of(
    st.tuples(st.just("trade"), st.sampled_from(["a", "b"]), sides, quantities, prices),
    st.tuples(st.just("trade_by_hand"), sides, quantities, prices),
    st.tuples(
        st.just("pay"),
        st.sampled_from(["CSD", "CSW", "DIV", "DIVNRA", "FEE", "INT", "REORG"]),
        dollars,
    ),
    st.tuples(st.just("split"), st.sampled_from([D(2), D("1.5"), D("0.1"), D(3)])),
    st.tuples(st.just("bust"), st.integers(0, 9)),
)


@settings(max_examples=30, deadline=None)
@given(happened=st.lists(events, min_size=3, max_size=20), random=st.randoms())
def test_whatever_happens_the_books_sum_to_the_account(
    happened: list[tuple[Any, ...]], random: Random
) -> None:
    account = Account(random)
    for name, *what in happened:
        account.day += 1
        getattr(account, name)(*what)
    for _ in range(2):
        account.catch_up()
        with account.traded.ledger.read() as connection:
            assert sum(book_cash(connection).values()) == account.cash
            held = [own.get("XYZ", D(0)) for own in positions(connection).values()]
            assert sum(held) == account.shares.get("XYZ", D(0))
            assert is_sound(connection)
    account.traded.ledger.close()
