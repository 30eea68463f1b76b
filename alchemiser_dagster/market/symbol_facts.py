"""What a person knows about symbols: the file `symbols.toml` beside the strategies.

    leveraged = ["SQQQ", "TQQQ"]   # leveraged and inverse funds: large daily moves are usual

    [history_start]                # bars before this session are another company's
    NBIS = 2024-10-21

    [[accepted]]                   # a finding that somebody looked at
    check = "jumps"
    symbol = "NFLX"
    session = 2022-04-20           # optional: only this finding, not every one of the symbol
    why = "lost subscribers; the drop of 35 % is real"

The file is optional, and so is everything in it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from alchemiser_dagster.market.sessions import SessionError, is_session
from alchemiser_dagster.market.symbols import broker_symbol

SYMBOLS_FILE = "symbols.toml"
ACCEPTABLE = ("sessions", "jumps", "restated", "history", "idle", "second_source")
"""The checks whose findings may be accepted. What the others find is that bars are absent or
cannot be used, and having looked at them does not change that."""

_ACCEPTED_KEYS = {"check", "symbol", "session", "why"}


class SymbolFactsError(ValueError):
    """symbols.toml cannot be used; the message names the entry and what to change."""


@dataclass(frozen=True)
class Accepted:
    """A finding that a person looked at and lets pass; session None: each one of the symbol."""

    check: str
    symbol: str
    session: date | None
    why: str


@dataclass(frozen=True)
class SymbolFacts:
    """The file's content, symbols in the broker's spelling."""

    leveraged: frozenset[str]
    history_start: Mapping[str, date]
    accepted: tuple[Accepted, ...]


NO_FACTS = SymbolFacts(leveraged=frozenset(), history_start={}, accepted=())


def read_symbol_facts(folder: Path) -> SymbolFacts:
    """The facts of `folder`; none where it has no symbols.toml.

    Raises:
        SymbolFactsError: see the class.
    """
    path = folder / SYMBOLS_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return NO_FACTS
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SymbolFactsError(f"{path} cannot be read as TOML: {error}") from error
    unknown = sorted(set(document) - {"leveraged", "history_start", "accepted"})
    if unknown:
        raise SymbolFactsError(
            f"{path}: expected leveraged, [history_start] and [[accepted]], "
            f"was also {', '.join(unknown)}"
        )
    return SymbolFacts(
        leveraged=_leveraged(document.get("leveraged", []), path),
        history_start=_history_start(document.get("history_start", {}), path),
        accepted=_accepted(document.get("accepted", []), path),
    )


def since_start(bars: pl.DataFrame, facts: SymbolFacts) -> pl.DataFrame:
    """`bars` without those from before their symbol's history_start."""
    if not facts.history_start:
        return bars
    start = pl.col("symbol").replace_strict(facts.history_start, default=None, return_dtype=pl.Date)
    return bars.filter((pl.col("date") >= start).fill_null(True))


def _leveraged(entry: object, path: Path) -> frozenset[str]:
    if not isinstance(entry, list):
        raise SymbolFactsError(f"{path}: leveraged: expected a list of symbols, was {entry!r}")
    return frozenset(_symbol(item, f"{path}: leveraged") for item in entry)


def _history_start(entry: object, path: Path) -> dict[str, date]:
    if not isinstance(entry, dict):
        raise SymbolFactsError(
            f"{path}: history_start: expected a table [history_start] of symbol = date, "
            f"was {entry!r}"
        )
    return {
        _symbol(symbol, f"{path}: [history_start]"): _day(day, f"{path}: [history_start] {symbol}")
        for symbol, day in entry.items()
    }


def _accepted(entries: object, path: Path) -> tuple[Accepted, ...]:
    if not isinstance(entries, list):
        raise SymbolFactsError(
            f"{path}: accepted: expected tables [[accepted]] with check, symbol and why, "
            f"was {entries!r}"
        )
    return tuple(
        _one_accepted(entry, f"{path}: [[accepted]] number {number}")
        for number, entry in enumerate(entries, start=1)
    )


def _one_accepted(entry: object, where: str) -> Accepted:
    if not isinstance(entry, dict) or not (
        {"check", "symbol", "why"} <= set(entry) <= _ACCEPTED_KEYS
    ):
        raise SymbolFactsError(
            f"{where}: expected check, symbol, why and optionally session, was {entry!r}"
        )
    check, why = entry["check"], entry["why"]
    if check not in ACCEPTABLE:
        raise SymbolFactsError(
            f"{where}: expected a check of {', '.join(ACCEPTABLE)}, was {check!r}"
        )
    if not isinstance(why, str) or not why.strip():
        raise SymbolFactsError(f"{where}: expected why as a sentence, was {why!r}")
    session = _day(entry["session"], f"{where}: session") if "session" in entry else None
    if session is not None and not _trades(session):
        raise SymbolFactsError(f"{where}: session: expected an NYSE session, was {session}")
    return Accepted(check, _symbol(entry["symbol"], where), session, why.strip())


def _symbol(item: object, where: str) -> str:
    if not isinstance(item, str) or not item.strip():
        raise SymbolFactsError(f'{where}: expected a symbol such as "TQQQ", was {item!r}')
    return broker_symbol(item)


def _day(item: object, where: str) -> date:
    if isinstance(item, datetime) or not isinstance(item, date):
        raise SymbolFactsError(f"{where}: expected a date such as 2024-10-21, was {item!r}")
    return item


def _trades(day: date) -> bool:
    try:
        return is_session(day)
    except SessionError:
        return False
