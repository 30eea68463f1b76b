"""How a symbol is spelled outside the symphony language."""


def broker_symbol(symbol: str) -> str:
    """The broker's spelling, which bars and the ledger share: a share class has a dot.

    >>> broker_symbol("BRK/B")
    'BRK.B'
    """
    return symbol.strip().upper().replace("/", ".")
