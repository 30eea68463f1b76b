"""Closures and early closes that only a person knows of yet."""

from collections.abc import Iterator
from datetime import date, time
from pathlib import Path

import pytest

from alchemiser_dagster.market import sessions
from alchemiser_dagster.market.calendar_file import (
    CalendarFileError,
    apply_calendar_file,
    read_calendar_file,
)

MOURNING, STORM = date(2026, 12, 9), date(2026, 12, 10)


@pytest.fixture(autouse=True)
def usual_calendar() -> Iterator[None]:
    yield
    sessions.amend((), {})


def written(folder: Path, text: str) -> Path:
    (folder / "calendar.toml").write_text(text, encoding="utf-8")
    return folder


def test_without_a_file_the_calendar_is_the_usual_one(tmp_path: Path) -> None:
    apply_calendar_file(tmp_path)
    assert sessions.is_session(MOURNING)
    assert not sessions.is_early_close(STORM)


def test_a_day_of_mourning_is_no_session_and_a_storm_closes_early(tmp_path: Path) -> None:
    apply_calendar_file(
        written(
            tmp_path,
            '[closed]\n2026-12-09 = "day of mourning"\n[early_close]\n2026-12-10 = 13:00:00\n',
        )
    )
    assert not sessions.is_session(MOURNING)
    assert sessions.previous_session(STORM) == date(2026, 12, 8)
    assert MOURNING in sessions.closed_weekdays(MOURNING, STORM)
    assert sessions.session_close(STORM).time() == time(13)
    assert sessions.session_close(date(2026, 12, 11)).time() == time(16)


def test_taking_the_file_away_brings_the_usual_calendar_back(tmp_path: Path) -> None:
    apply_calendar_file(written(tmp_path, '[closed]\n2026-12-09 = "day of mourning"\n'))
    (tmp_path / "calendar.toml").unlink()
    apply_calendar_file(tmp_path)
    assert sessions.is_session(MOURNING)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[closed", "cannot be read as TOML"),
        ("[holidays]\n", r"expected \[closed\] and \[early_close\], was also holidays"),
        ('closed = "2026-12-09"\n', r"\[closed\]: expected a table"),
        ('[closed]\nDecember = "x"\n', 'expected date = "why", was December'),
        ("[closed]\n2026-12-09 = true\n", 'expected date = "why", was 2026-12-09 = True'),
        ('[early_close]\n2026-12-10 = "13:00"\n', "expected date = 13:00:00"),
    ],
)
def test_a_file_that_makes_no_sense_says_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CalendarFileError, match=says):
        read_calendar_file(written(tmp_path, text))


@pytest.mark.parametrize("entry", ["2026-12-12 = 13:00:00", "2026-12-10 = 09:00:00"])
def test_an_early_close_lies_within_its_session(tmp_path: Path, entry: str) -> None:
    with pytest.raises(CalendarFileError, match=r"calendar\.toml: expected an"):
        apply_calendar_file(written(tmp_path, f"[early_close]\n{entry}\n"))
