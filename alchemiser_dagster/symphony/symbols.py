"""The one spelling of a ticker inside the language."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_SYMBOL_LENGTH: Final = 10
_QUALIFIED = re.compile(r"([A-Z]+)::(.+)//USD")
_SYMBOL = re.compile(r"[A-Z0-9]+(?:/[A-Z0-9]+)*")


@lru_cache(maxsize=65_536)
def canonical_symbol(text: str) -> str:
    """The canonical spelling of a ticker: trimmed, upper case, share classes after a slash.

    `brk.b`, `BRK-B` and `EQUITIES::BRK/B//USD` all are `BRK/B`. Raises ValueError for anything
    that cannot be a US listing: empty, too long, other characters, indexes such as `^VIX`, and
    other asset classes such as `CRYPTO::BTC//USD`.
    """
    symbol = text.strip().upper()
    qualified = _QUALIFIED.fullmatch(symbol)
    if qualified is not None:
        asset_class, symbol = qualified.groups()
        if asset_class != "EQUITIES":
            raise ValueError(f"expected a US equity, was {text!r} of class {asset_class}")
    symbol = symbol.replace(".", "/").replace("-", "/")
    if len(symbol) > MAX_SYMBOL_LENGTH or _SYMBOL.fullmatch(symbol) is None:
        raise ValueError(
            f"expected a ticker of at most {MAX_SYMBOL_LENGTH} letters or digits "
            f"(share class after '/'), was {text!r}"
        )
    return symbol
