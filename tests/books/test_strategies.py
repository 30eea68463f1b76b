"""books.toml: how a book chooses the lots of its sales."""

from pathlib import Path

import pytest

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.strategies import BooksError, load_books
from tests.world import STEADY


def folder_with(folder: Path, line: str) -> Path:
    (folder / "steady.clj").write_text(STEADY, encoding="utf-8")
    (folder / "books.toml").write_text(f'[books.steady]\nallocation = "0.5"\n{line}\n')
    return folder


@pytest.mark.parametrize("policy", LotPolicy)
def test_every_lot_policy_can_be_named(tmp_path: Path, policy: LotPolicy) -> None:
    (book,) = load_books(folder_with(tmp_path, f'lots = "{policy}"'))
    assert book.lot_policy is policy


def test_first_in_first_out_unless_said_otherwise(tmp_path: Path) -> None:
    (book,) = load_books(folder_with(tmp_path, ""))
    assert book.lot_policy is LotPolicy.FIFO


@pytest.mark.parametrize("line", ['lots = "fifo"', 'lots = "AVERAGE"', "lots = 1", "lots = []"])
def test_another_policy_stops_everything(tmp_path: Path, line: str) -> None:
    with pytest.raises(BooksError, match=r"\[books.steady\]: expected lots of FIFO, LIFO, HIFO, "):
        load_books(folder_with(tmp_path, line))
