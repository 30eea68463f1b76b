from alchemiser_dagster.market.symbols import broker_symbol


def test_share_classes_have_a_dot():
    assert broker_symbol("BRK/B") == broker_symbol("BRK.B") == broker_symbol(" brk/b") == "BRK.B"
    assert broker_symbol("SPY") == "SPY"
