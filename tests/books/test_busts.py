from decimal import Decimal

import pytest

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.busts import undo_purchase, undo_sale
from alchemiser_dagster.books.lots import LotAdjustment, LotError, LotExit
from tests.books.desk import Desk


def lots(desk: Desk) -> dict[str, tuple[Decimal, Decimal]]:
    return {own.lot_id: (own.quantity, own.cost) for own in desk.held("a")}


def test_a_purchase_of_which_nothing_was_sold_has_never_been() -> None:
    desk = Desk()
    first, second = desk.buy("a", "10", "10"), desk.buy("a", "5", "12")
    assert undo_purchase(
        desk.held("a"), second, quantity=Decimal(5), price=Decimal(12), cash=Decimal(60)
    ) == ([LotAdjustment(second, Decimal(-5), Decimal(-60))], [])
    desk.bust(second)
    assert lots(desk) == {first: (10, 100)}
    assert (desk.cash["a"], desk.realised("a")) == (-100, 0)


def test_shares_of_it_that_were_sold_come_out_of_the_oldest_other_lots() -> None:
    desk = Desk()
    busted = desk.buy("a", "10", "100")
    oldest, newest = desk.buy("a", "3", "10"), desk.buy("a", "20", "20")
    desk.sell("a", "4", "110")
    assert desk.realised("a") == 40
    bust = desk.bust(busted)
    assert [(e.lot_id, e.quantity, e.proceeds, e.cost) for e in desk.exits[bust]] == [
        (busted, 6, 600, 600),
        (oldest, 3, 300, 30),
        (newest, 1, 100, 20),
    ]
    assert lots(desk) == {newest: (19, 380)}


def test_its_own_lot_goes_first_although_others_are_older() -> None:
    desk = Desk()
    older, busted = desk.buy("a", "10", "10"), desk.buy("a", "10", "100")
    desk.sell("a", "4", "110", named=[busted])
    desk.bust(busted)
    assert lots(desk) == {older: (6, 60)}


def test_in_the_end_the_profit_is_that_of_a_book_that_never_had_the_purchase() -> None:
    desk, without = Desk(), Desk()
    busted = desk.buy("a", "10", "100")
    for one in (desk, without):
        one.buy("a", "20", "10")
        one.sell("a", "4", "110")
    desk.bust(busted)
    assert desk.realised("a") == without.realised("a") == 400
    assert desk.cash["a"] == without.cash["a"]
    assert list(lots(desk).values()) == list(lots(without).values()) == [(16, 160)]


def test_a_purchase_sold_completely_is_taken_out_of_other_lots() -> None:
    desk = Desk()
    busted = desk.buy("a", "10", "100")
    desk.sell("a", "10", "110")
    other = desk.buy("a", "20", "105")
    desk.bust(busted)
    assert lots(desk) == {other: (10, 1050)}
    assert desk.realised("a") == 50


def test_a_purchase_cannot_be_taken_from_a_book_that_sold_everything() -> None:
    desk = Desk()
    busted = desk.buy("a", "10", "100")
    desk.sell("a", "4", "110")
    with pytest.raises(LotError, match="at least 10 shares to sell from, was 6"):
        desk.bust(busted)


def test_a_sale_undone_puts_shares_and_cost_back() -> None:
    desk = Desk()
    first, second = desk.buy("a", "10", "10"), desk.buy("a", "5", "12")
    sale = desk.sell("a", "12", "15")
    before = [
        LotExit(first, Decimal(10), Decimal(15), Decimal("150.00"), Decimal("100.00")),
        LotExit(second, Decimal(2), Decimal(15), Decimal("30.00"), Decimal("24.00")),
    ]
    assert desk.exits[sale] == before
    assert undo_sale(before) == [
        LotExit(first, Decimal(-10), Decimal(15), Decimal("-150.00"), Decimal("-100.00")),
        LotExit(second, Decimal(-2), Decimal(15), Decimal("-30.00"), Decimal("-24.00")),
    ]
    desk.bust(sale)
    assert lots(desk) == {first: (10, 100), second: (5, 60)}
    assert (desk.cash["a"], desk.realised("a")) == (-160, 0)


def test_what_was_put_back_is_sold_again_by_the_policy() -> None:
    desk = Desk()
    desk.choose("a", LotPolicy.HIFO)
    cheap, dear = desk.buy("a", "10", "10"), desk.buy("a", "5", "12")
    desk.bust(desk.sell("a", "5", "15"))
    desk.sell("a", "6", "15")
    assert lots(desk) == {cheap: (9, 90)}
    assert dear not in lots(desk)


def test_after_a_split_the_broker_takes_the_shares_it_sold() -> None:
    """10 become 20; the bust takes 10 back and pays 100.00 for what is now worth 50.00 at cost."""
    desk = Desk()
    busted = desk.buy("a", "10", "10")
    desk.split("2")
    desk.bust(busted)
    assert lots(desk) == {busted: (10, 50)}
    assert (desk.cash["a"], desk.realised("a")) == (0, 50)
