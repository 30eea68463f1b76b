"""The market data of a small account, evening by evening."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl

from alchemiser_dagster.commands.replay import QUIET
from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.market.fitness import why_unfit
from tests.world import BOOKS, write_bars

from .conftest import INCEPTION, World

EVENING = INCEPTION.isoformat()
GOOD_BOOKS = {"steady": BOOKS["steady"], "switch": BOOKS["switch"]}
"""`steady` uses SPY and TLT, `switch` GLD and BIL."""


@dataclass
class Evening:
    """The account's market data, taken from a bars file that can be written anew."""

    world: World
    folder: Path
    instance: dg.DagsterInstance
    _definitions: dict[str, dg.Definitions] = field(default_factory=dict)

    @property
    def definitions(self) -> dg.Definitions:
        """Made once for each place where tables lie."""
        place = self.world.home.tables
        if place not in self._definitions:
            self._definitions[place] = self.world.definitions()
        return self._definitions[place]

    def vendor_says(self, bars: pl.DataFrame) -> None:
        write_bars(self.folder, bars)

    def run(self, *sessions: date, job: str = "evening") -> dg.ExecuteInProcessResult:
        """Run a job over a range of sessions, by default the account's first evening."""
        first, last = (str(sessions[0]), str(sessions[-1])) if sessions else (EVENING, EVENING)
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config=QUIET,
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": last,
            },
        )

    def books_with_signal(self, session: date = INCEPTION) -> set[str]:
        tables = self.world.records.tables
        return {name for name in GOOD_BOOKS if tables.exists(["signal", name], str(session))}

    def why_not(self, book: str, session: date = INCEPTION) -> str:
        return self.world.records.tables.refusal(["signal", book], str(session)) or ""

    def findings(self, session: date) -> pl.DataFrame:
        return self.world.records.tables.read([FINDINGS], str(session))

    def stopped(self, session: date) -> dict[str, str]:
        """The books that may not trade on the bars of a session, and why."""
        found, records = self.findings(session), self.world.records
        reasons = {
            book.name: why_unfit(found, records.symbols_of(book)) for book in records.books()
        }
        return {book: reason for book, reason in reasons.items() if reason is not None}


def check_of(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    (found,) = [e for e in result.get_asset_check_evaluations() if e.check_name == name]
    return found


def rows_of(check: dg.AssetCheckEvaluation) -> list[dict[str, object]]:
    """What a check lists as found."""
    return [dict(record.data) for record in check.metadata["found"].records]  # type: ignore[union-attr]
