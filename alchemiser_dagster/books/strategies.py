"""The folder of strategies: `*.clj` files and the `books.toml` that gives each its capital.

    [books.nuclear]
    allocation = "0.15"     # share of the account when the book is opened, a decimal string
    enabled = true          # optional
    lots = "FIFO"           # optional: FIFO, LIFO, HIFO or SPECIFIC, see `books.booking`

    [account]               # optional
    crossing = true         # books trade with each other before they go to the market

A strategy that cannot be read, or has no capital, takes only its own book out; an allocation that
makes no sense stops everything, because it concerns every book.
"""

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.symphony import Symphony, SymphonyError, read_symphony

BOOKS_FILE = "books.toml"
_BOOK_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEYS = {"allocation", "enabled", "lots"}


class BooksError(Exception):
    """books.toml, or the folder around it, cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Book:
    """A strategy and its capital.

    `symphony` is None where there is no readable strategy; `problem` then says why, with file, line
    and column.
    """

    name: str
    allocation: Decimal
    enabled: bool
    lot_policy: LotPolicy
    symphony: Symphony | None
    problem: str | None


def load_books(folder: Path) -> list[Book]:
    """All books of `folder`, by name. Raises BooksError where no book can be trusted."""
    if not folder.is_dir():
        raise BooksError(f"expected a folder of strategies at {folder}, was nothing there")
    where = folder / BOOKS_FILE
    table = _read_table(where)
    files = {path.stem: path for path in sorted(folder.glob("*.clj"))}
    books = [_book(name, entry, files.get(name), where) for name, entry in table.items()]
    books += [_unfunded(path, where) for name, path in files.items() if name not in table]
    total = sum((book.allocation for book in books if book.enabled), Decimal(0))
    if total > 1:
        raise BooksError(
            f"{folder / BOOKS_FILE}: expected allocations that sum to at most 1, was {total}: "
            + ", ".join(f"{book.name} {book.allocation}" for book in books if book.enabled)
        )
    return sorted(books, key=lambda book: book.name)


def crosses_books(folder: Path) -> bool:
    """Whether what one book sells and another buys changes books without an order."""
    where = folder / BOOKS_FILE
    entry = _read_document(where).get("account", {})
    if not isinstance(entry, dict) or set(entry) - {"crossing"}:
        raise BooksError(f"{where}: [account]: expected only crossing, was {entry}")
    crossing = entry.get("crossing", True)
    if not isinstance(crossing, bool):
        raise BooksError(f"{where}: [account]: expected crossing true or false, was {crossing}")
    return crossing


def _read_document(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BooksError(f"expected {path}, was nothing there") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BooksError(f"{path} is not TOML: {error}") from error


def _read_table(path: Path) -> dict[str, dict[str, object]]:
    books = _read_document(path).get("books")
    if not isinstance(books, dict) or not books:
        raise BooksError(f"{path}: expected at least one table [books.<strategy>], was none")
    for name, entry in books.items():
        if not _BOOK_NAME.fullmatch(name):
            raise BooksError(f"{path}: expected a book name of a-z, 0-9 and _, was {name!r}")
        if not isinstance(entry, dict) or set(entry) - _KEYS:
            raise BooksError(f"{path}: [books.{name}]: expected only {sorted(_KEYS)}, was {entry}")
    return books


def _unfunded(file: Path, where: Path) -> Book:
    name = file.stem
    problem = f'{where} gives no capital to {name}: add [books.{name}] with allocation = "..."'
    return Book(
        name,
        Decimal(0),
        enabled=False,
        lot_policy=LotPolicy.FIFO,
        symphony=None,
        problem=problem,
    )


def _book(name: str, entry: dict[str, object], file: Path | None, where: Path) -> Book:
    enabled = entry.get("enabled", True)
    if not isinstance(enabled, bool):
        raise BooksError(f"{where}: [books.{name}]: expected enabled true or false, was {enabled}")
    symphony, problem = None, None
    if file is None:
        problem = f"expected a strategy file {where.parent / (name + '.clj')}, was nothing there"
    else:
        try:
            text = file.read_text(encoding="utf-8")
            symphony = read_symphony(text, name=name, source=str(file))
        except UnicodeDecodeError as error:
            problem = f"{file}: expected UTF-8 text: {error}"
        except SymphonyError as error:
            problem = str(error)
    return Book(
        name,
        _allocation(name, entry, where),
        enabled=enabled,
        lot_policy=_lot_policy(name, entry, where),
        symphony=symphony,
        problem=problem,
    )


def _lot_policy(name: str, entry: dict[str, object], where: Path) -> LotPolicy:
    raw = entry.get("lots", LotPolicy.FIFO)
    if raw not in list(LotPolicy):
        raise BooksError(
            f"{where}: [books.{name}]: expected lots of {', '.join(LotPolicy)}, was {raw!r}"
        )
    return LotPolicy(str(raw))


def _allocation(name: str, entry: dict[str, object], where: Path) -> Decimal:
    raw = entry.get("allocation")
    if not isinstance(raw, str):
        raise BooksError(
            f'{where}: [books.{name}]: expected allocation as a string such as "0.15", was {raw!r}'
        )
    try:
        allocation = Decimal(raw)
    except InvalidOperation as error:
        raise BooksError(
            f"{where}: [books.{name}]: expected a decimal allocation, was {raw!r}"
        ) from error
    if not (allocation.is_finite() and 0 < allocation <= 1):
        raise BooksError(
            f"{where}: [books.{name}]: expected an allocation above 0 and at most 1, was {raw}"
        )
    return allocation
