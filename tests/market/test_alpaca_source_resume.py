"""Downloads that are interrupted go on where they were, the same evening."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from alpaca.data.enums import DataFeed

from alchemiser_dagster.embedded import InProcessBroker
from alchemiser_dagster.market.sources import Progress, SourceError

from .alpaca_server import BARS_ROUTE, Pauses, evening_of, made_up, source_on

FIRST, LAST = date(2024, 3, 21), date(2024, 4, 4)
SYMBOLS = [f"S{n:02d}" for n in range(10)]
MARKET = made_up(SYMBOLS, FIRST, LAST)
PARTS, CALLS = 5, 10
"""Of two symbols each, a call for their unadjusted and one for their adjusted bars."""
EVENING = evening_of(LAST)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessBroker]:
    monkeypatch.setattr("alchemiser_dagster.market.sources.alpaca.SYMBOLS_PER_REQUEST", 2)
    broker = InProcessBroker(MARKET, opened_at=EVENING)
    yield broker
    broker.close()


class Download:
    """Downloads of the market into one scratch folder, each by a source of its own."""

    def __init__(self, broker: InProcessBroker, scratch: Path | None) -> None:
        self.broker = broker
        self.scratch = scratch
        self.calls = 0
        self.progress: list[Progress] = []

    def run(
        self,
        now: datetime = EVENING,
        first: date = FIRST,
        last: date = LAST,
        feed: DataFeed = DataFeed.SIP,
    ) -> pl.DataFrame:
        budget = Pauses().budget()
        self.progress = []
        source = source_on(
            self.broker,
            now,
            feed=feed,
            budget=budget,
            scratch=self.scratch,
            progress=self.progress.append,
        )
        try:
            return source.daily_bars(SYMBOLS, first, last)
        finally:
            self.calls = budget.calls

    def dies_after(self, calls: int, **asked: Any) -> None:
        """A download whose line is cut for good after so many answers."""
        control = self.broker.control()
        control.add_fault(action="reset", match=BARS_ROUTE, when={"after": calls})
        with pytest.raises(SourceError, match="ConnectionError"):
            self.run(**asked)
        control.clear_faults()

    def kept(self) -> list[Path]:
        assert self.scratch is not None
        return sorted(self.scratch.glob("*"))


@pytest.fixture
def download(broker: InProcessBroker, tmp_path: Path) -> Download:
    return Download(broker, tmp_path / "downloads")


def test_a_download_tells_how_far_it_is(download):
    assert download.run().equals(MARKET)
    rows = MARKET.height // PARTS
    assert download.progress == [
        Progress(done=n, total=PARTS, kept=0, bars=n * rows, calls=2 * n, waited=0.0)
        for n in range(1, PARTS + 1)
    ]


@pytest.mark.parametrize("calls", range(CALLS))
def test_a_download_goes_on_where_it_was(download, calls):
    download.dies_after(calls)
    assert len(download.kept()) == calls // 2
    assert download.run().equals(MARKET)
    assert download.calls == CALLS - 2 * (calls // 2)
    assert download.progress[-1].kept == calls // 2
    assert download.kept() == []


def test_it_may_be_interrupted_again_and_again(download):
    for finished in range(1, PARTS):
        download.dies_after(3)
        assert len(download.kept()) == finished
    assert download.run().equals(MARKET)
    assert download.calls == 2


def test_a_finished_download_is_made_anew(download):
    for _ in range(2):
        download.run()
        assert download.calls == CALLS


def test_without_a_folder_it_begins_anew(broker):
    download = Download(broker, None)
    download.dies_after(6)
    assert download.run().equals(MARKET)
    assert download.calls == CALLS


@pytest.mark.parametrize(
    "other",
    [
        {"now": EVENING + timedelta(days=1)},
        {"now": EVENING + timedelta(hours=7)},
        {"first": date(2024, 3, 22)},
        {"feed": DataFeed.IEX},
    ],
)
def test_what_was_asked_for_otherwise_is_not_taken(download, other):
    download.dies_after(6)
    download.run(**other)
    assert download.calls == CALLS
    assert download.progress[-1].kept == 0


def test_later_the_same_evening_it_is(download):
    download.dies_after(6)
    assert download.run(now=EVENING + timedelta(hours=5)).equals(MARKET)
    assert download.calls == CALLS - 6


@pytest.mark.parametrize("last", [LAST, date(2024, 4, 3)])
def test_another_session_is_over_meanwhile(download, last):
    """At noon the last bar was of the session before; in the evening histories may be others."""
    download.dies_after(6, now=EVENING.replace(hour=12), last=last)
    bars = download.run(last=last)
    assert download.calls == CALLS
    assert bars["date"].max() == last


def spoil(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    match how:
        case "emptied":
            content.clear()
        case "cut short":
            del content[len(content) // 2 :]
        case "one bit":
            content[len(content) // 3] ^= 1
        case "no parquet":
            content[:] = b"PAR1 and nothing else"
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("how", ["emptied", "cut short", "one bit", "no parquet"])
def test_what_is_damaged_is_fetched_anew(download, how, caplog):
    download.dies_after(6)
    damaged = download.kept()[1]
    spoil(damaged, how)
    assert download.run().equals(MARKET)
    assert download.calls == CALLS - 4
    assert f"{damaged} is damaged" in caplog.text
    assert download.kept() == []


def test_a_part_under_the_name_of_another_is_damaged(download):
    download.dies_after(6)
    first, second, _ = download.kept()
    first.write_bytes(second.read_bytes())
    assert download.run().equals(MARKET)
    assert download.calls == CALLS - 4


def test_what_other_days_have_left_is_removed_and_nothing_else(download):
    download.dies_after(6)
    others = [download.scratch / "notes.txt", download.scratch / "bars.parquet"]
    for path in others:
        path.write_text("of somebody else")
    tomorrow = EVENING + timedelta(days=1)
    download.run(now=tomorrow)
    assert download.kept() == sorted(others)


def test_a_folder_that_cannot_be_written_is_done_without(broker, tmp_path, caplog):
    in_the_way = tmp_path / "downloads"
    in_the_way.write_text("a file")
    download = Download(broker, in_the_way)
    assert download.run().equals(MARKET)
    assert "is not kept" in caplog.text


def test_a_draft_is_no_part(download):
    """What a process has left that was killed while it wrote."""
    download.dies_after(2)
    (part,) = download.kept()
    part.rename(part.with_name(part.name.replace(".parquet", ".draft")))
    assert download.run().equals(MARKET)
    assert download.calls == CALLS
    assert download.kept() == []
