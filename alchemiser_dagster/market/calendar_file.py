"""What the exchange decided at short notice: the file `calendar.toml` beside the strategies.

    [closed]                            # days on which it did not trade, or will not
    2026-12-09 = "day of mourning"

    [early_close]                       # New York time
    2026-12-10 = 13:00:00

The file is optional. Days are only ever added: a session that was never traded has no bars and no
partition, and taking it off the list again would make everybody wait for them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import TypeVar

from alchemiser_dagster.market import sessions

T = TypeVar("T")
CALENDAR_FILE = "calendar.toml"


class CalendarFileError(ValueError):
    """calendar.toml cannot be used; the message names the entry and what to change."""


@dataclass(frozen=True)
class Amendments:
    """Days closed, with the reason of each, and early closes in New York time."""

    closed: Mapping[date, str]
    early_close: Mapping[date, time]


def read_calendar_file(folder: Path) -> Amendments:
    """The amendments of `folder`; none where it has no calendar.toml. Raises CalendarFileError."""
    path = folder / CALENDAR_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Amendments({}, {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CalendarFileError(f"{path} cannot be read as TOML: {error}") from error
    unknown = sorted(set(document) - {"closed", "early_close"})
    if unknown:
        raise CalendarFileError(
            f"{path}: expected [closed] and [early_close], was also {', '.join(unknown)}"
        )
    return Amendments(
        _entries(document.get("closed", {}), str, f"{path}: [closed]", 'date = "why"'),
        _entries(
            document.get("early_close", {}), time, f"{path}: [early_close]", "date = 13:00:00"
        ),
    )


def apply_calendar_file(folder: Path) -> Amendments:
    """Read the file and let `sessions` go by it. Raises CalendarFileError."""
    amendments = read_calendar_file(folder)
    try:
        sessions.amend(amendments.closed, amendments.early_close)
    except sessions.SessionError as error:
        raise CalendarFileError(f"{folder / CALENDAR_FILE}: {error}") from error
    return amendments


def _entries(table: object, kind: type[T], where: str, form: str) -> dict[date, T]:
    if not isinstance(table, dict):
        raise CalendarFileError(f"{where}: expected a table of {form}, was {table!r}")
    entries = {}
    for key, entry in table.items():
        try:
            day = date.fromisoformat(key)
        except ValueError:
            raise CalendarFileError(f"{where}: expected {form}, was {key} = {entry!r}") from None
        if not isinstance(entry, kind):
            raise CalendarFileError(f"{where}: expected {form}, was {key} = {entry!r}")
        entries[day] = entry
    return entries
