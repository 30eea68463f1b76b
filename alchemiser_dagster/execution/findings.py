"""What a diagnosis says: one finding for each thing that should hold, whether it does or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How a finding came out. A warning is worth knowing; a failure asks for somebody."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """Something that should hold.

    `book` is the book that it is about, None for the account. `found` has a line for everything
    that is not as `expected`, none when all is; `action` says what to do about it.
    """

    name: str
    severity: Severity
    expected: str
    found: tuple[str, ...] = ()
    action: str = ""
    book: str | None = None

    @property
    def title(self) -> str:
        """The finding's name, with its book."""
        return self.name if self.book is None else f"{self.name} of {self.book}"


def finding(
    name: str,
    expected: str,
    action: str,
    *,
    failing: Iterable[str] = (),
    warning: Iterable[str] = (),
    book: str | None = None,
) -> Finding:
    """A finding, as severe as the worst of its lines: those that fail it, and those that warn."""
    failures, warnings = tuple(failing), tuple(warning)
    found = failures + warnings
    severity = Severity.FAIL if failures else Severity.WARN if warnings else Severity.OK
    return Finding(name, severity, expected, found, action if found else "", book)
