import pytest

from alchemiser_dagster.market.symbols import broker_symbol, spelled


def test_share_classes_have_a_dot():
    for symbol in ("BRK/B", "BRK.B", "BRK-B", " brk/b"):
        assert broker_symbol(symbol) == "BRK.B"
    assert broker_symbol("SPY") == "SPY"


def test_m23_each_vendor_spells_a_share_class_its_way():
    assert spelled("BRK.B", "alpaca") == "BRK.B"
    assert spelled("BRK.B", "yahoo") == "BRK-B"
    assert spelled("BRK.B", "composer") == "BRK/B"


@pytest.mark.parametrize("vendor", ["alpaca", "yahoo", "composer"])
@pytest.mark.parametrize("symbol", ["BRK.B", "BF.A", "SPY"])
def test_m23_every_spelling_leads_back(symbol, vendor):
    assert broker_symbol(spelled(symbol, vendor)) == symbol
    for other in ("alpaca", "yahoo", "composer"):
        assert spelled(spelled(symbol, vendor), other) == spelled(symbol, other)
