"""How a symbol is spelled outside the symphony language.

Only symbols of a share class differ, and only in what stands before the class:

    ours, the ledger's, Alpaca's, names of files    BRK.B
    Yahoo                                           BRK-B
    Composer                                        BRK/B
"""

from typing import Literal

Vendor = Literal["alpaca", "yahoo", "composer"]

BEFORE_THE_CLASS: dict[Vendor, str] = {"alpaca": ".", "yahoo": "-", "composer": "/"}


def broker_symbol(symbol: str) -> str:
    """The broker's spelling, which bars and the ledger share, of any of the spellings.

    >>> broker_symbol("BRK/B"), broker_symbol("BRK-B")
    ('BRK.B', 'BRK.B')
    """
    return symbol.strip().upper().replace("/", ".").replace("-", ".")


def spelled(symbol: str, vendor: Vendor) -> str:
    """How `vendor` spells a symbol, which may be spelled in any way itself.

    >>> spelled("BRK.B", "yahoo")
    'BRK-B'
    """
    return broker_symbol(symbol).replace(".", BEFORE_THE_CLASS[vendor])
