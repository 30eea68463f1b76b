"""Snapshots: what is saved is what is read, under a name that says what it is."""

import json
import random
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.market.bars import (
    BARS_SCHEMA,
    BarsColumnError,
    BarsRowError,
    checked_bars,
    empty_bars,
)
from alchemiser_dagster.market.sessions import SessionError, sessions_between
from alchemiser_dagster.market.snapshot_content import encoded
from alchemiser_dagster.market.snapshots import Snapshot, SnapshotMissing, SnapshotStore
from alchemiser_dagster.storage import Files

from .evening import ORIGIN, evening
from .tables import MON, THU, TUE, WED, bar, table

POINTER = "daily_bars/2024-03-27.json"
LATER = replace(ORIGIN, fetched_at=ORIGIN.fetched_at + timedelta(hours=2))


@pytest.fixture
def store(files: Files) -> SnapshotStore:
    return SnapshotStore(files)


def content(snapshot: Snapshot) -> str:
    return f"daily_bars/{snapshot.session}/{snapshot.sha256}.parquet"


def test_what_was_saved_is_read(store: SnapshotStore) -> None:
    saved = store.save(WED, evening(), ORIGIN)
    assert store.get(WED) == store.find(WED) == saved
    bars = store.scan(WED)
    assert bars.collect_schema() == BARS_SCHEMA
    assert bars.collect().equals(evening())


def test_a_snapshot_says_all_about_itself(store: SnapshotStore) -> None:
    saved = store.save(WED, evening(), ORIGIN)
    assert saved == Snapshot(
        session=WED,
        sha256=store.files.sha256(content(saved)),
        size=store.files.size(content(saved)),
        rows=7,
        symbols=("BRK.B", "SPY", "TLT"),
        first=MON,
        origin=ORIGIN,
        superseded=(),
    )


def test_the_pointer_is_small_and_readable_by_a_person(store: SnapshotStore) -> None:
    saved = store.save(WED, evening(), ORIGIN)
    text = store.files.read(POINTER).decode()
    assert len(text) < 700
    assert text.splitlines()[1] == '  "session": "2024-03-27",'
    assert '  "symbols": ["BRK.B", "SPY", "TLT"],' in text.splitlines()
    assert json.loads(text)["sha256"] == saved.sha256
    assert json.loads(text)["origin"]["fetched_at"] == "2024-03-27T21:30:00Z"


def test_without_a_snapshot(store: SnapshotStore) -> None:
    assert store.find(WED) is None
    assert store.sessions() == []
    assert store.before(WED) is None
    for question in (store.get, store.scan):
        with pytest.raises(
            SnapshotMissing, match=r"of 2024-03-27, was none \(it has not .* materialise daily_bars"
        ):
            question(WED)


def test_sessions_are_those_with_a_snapshot(store: SnapshotStore) -> None:
    for day in (WED, MON):
        store.save(day, evening(), ORIGIN)
    store.refuse(TUE, "Alpaca has no bar")
    store.files.write("daily_bars/notes.json", b"by hand")
    store.files.write("daily_bars/20240328.json", b"of another form")
    assert store.sessions() == [MON, WED]


def test_the_snapshot_before_is_of_the_latest_earlier_session(store: SnapshotStore) -> None:
    monday = store.save(MON, evening(91.0), ORIGIN)
    wednesday = store.save(WED, evening(), ORIGIN)
    assert [store.before(day) for day in (MON, TUE, WED, THU)] == [
        None,
        monday,
        monday,
        wednesday,
    ]


def test_m14_equal_bars_have_an_equal_hash_and_a_millionth_changes_it(
    store: SnapshotStore,
) -> None:
    first = store.save(WED, evening(), ORIGIN)
    assert store.save(WED, evening(), LATER).sha256 == first.sha256
    assert store.save(WED, evening(92.0 + 1e-6), ORIGIN).sha256 != first.sha256


def test_m13_new_bars_of_as_many_rows_are_read_and_not_the_old_ones(store: SnapshotStore) -> None:
    store.save(WED, evening(92.0), ORIGIN)
    assert store.scan(WED).collect()["close"][-1] == 92.0
    store.save(WED, evening(46.0), ORIGIN)
    now = store.scan(WED).collect()
    assert now.height == 7
    assert now["close"][-1] == 46.0


def test_a_superseded_snapshot_can_still_be_read(store: SnapshotStore) -> None:
    first = store.save(WED, evening(92.0), ORIGIN)
    second = store.save(WED, evening(46.0), ORIGIN)
    third = store.save(WED, evening(45.0), ORIGIN)
    assert second.superseded == (first.sha256,)
    assert third.superseded == (first.sha256, second.sha256)
    assert store.scan(WED, first.sha256).collect().equals(evening(92.0))
    # and can become the session's snapshot again
    again = store.save(WED, evening(92.0), LATER)
    assert (again.sha256, again.superseded) == (first.sha256, (second.sha256, third.sha256))


def test_a_hash_that_was_never_stored(store: SnapshotStore) -> None:
    store.save(WED, evening(), ORIGIN)
    with pytest.raises(SnapshotMissing, match=f"with the hash {'0' * 64}, was none"):
        store.scan(WED, "0" * 64)


def test_bars_that_are_stored_already_are_not_written_again(store: SnapshotStore) -> None:
    first = store.save(WED, evening(), ORIGIN)
    before = store.files.stamp(content(first))
    again = store.save(WED, evening(), LATER)
    assert store.files.stamp(content(first)) == before
    # but the pointer says when they were last fetched
    assert store.get(WED) == again == replace(first, origin=LATER)


def test_a_refusal_is_kept_beside_a_snapshot_and_ends_with_the_next(store: SnapshotStore) -> None:
    store.refuse(WED, "Alpaca has no bar of SPY")
    assert store.refusal(WED) == "Alpaca has no bar of SPY"
    with pytest.raises(SnapshotMissing, match=r"\(Alpaca has no bar of SPY\)"):
        store.get(WED)
    saved = store.save(WED, evening(), ORIGIN)
    assert store.refusal(WED) is None
    store.refuse(WED, "TLT differs: £")
    assert store.refusal(WED) == "TLT differs: £"
    assert store.get(WED) == saved


def test_what_is_no_bars_table_is_not_saved(store: SnapshotStore) -> None:
    with pytest.raises(BarsColumnError, match=r"was the columns symbol \(String\)"):
        store.save(WED, evening().drop("volume"), ORIGIN)
    with pytest.raises(BarsColumnError, match=r"close \(Float32\)"):
        store.save(WED, evening().cast({"close": pl.Float32}), ORIGIN)
    with pytest.raises(BarsRowError, match="a table without a row"):
        store.save(WED, empty_bars(), ORIGIN)
    with pytest.raises(SessionError, match="with a time zone"):
        store.save(WED, evening(), replace(ORIGIN, fetched_at=datetime(2024, 3, 27)))  # noqa: DTZ001
    assert store.files.names("") == []


prices = st.floats(min_value=0.01, max_value=1e6, allow_nan=False)
days = st.sampled_from([MON, TUE, WED, THU])


@st.composite
def bars_tables(draw: st.DrawFn) -> pl.DataFrame:
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(["A", "BRK.B", "SPY", "TLT", "XLK"]), days),
            min_size=1,
            max_size=15,
            unique=True,
        )
    )
    rows = [
        bar(symbol, day, draw(prices), volume=draw(st.none() | st.integers(0, 10**9)))
        for symbol, day in keys
    ]
    return checked_bars(table(*rows), origin="test")


@given(bars=bars_tables(), seed=st.randoms(use_true_random=False))
def test_m14_how_bars_lie_in_memory_does_not_change_their_bytes(
    bars: pl.DataFrame, seed: random.Random
) -> None:
    order = list(range(bars.height))
    seed.shuffle(order)
    cut = seed.randint(0, bars.height)
    shuffled = bars[order]
    in_chunks = pl.concat([bars[:cut], bars[cut:]], rechunk=False)
    sliced = pl.concat([bars, bars]).slice(bars.height)
    masked = bars.with_columns(
        pl.when(pl.col("close") > 0).then(pl.col(name)).alias(name) for name in BARS_SCHEMA
    )
    assert {encoded(form) for form in (shuffled, in_chunks, sliced, masked)} == {encoded(bars)}


@given(bars=bars_tables(), seed=st.randoms(use_true_random=False))
def test_m14_any_changed_number_changes_the_bytes(bars: pl.DataFrame, seed: random.Random) -> None:
    row = seed.randrange(bars.height)
    column = seed.choice(["open", "high", "low", "close", "adj_close"])
    changed = pl.when(pl.int_range(pl.len()) == row).then(pl.col(column) + 1e-6)
    other = bars.with_columns(changed.otherwise(pl.col(column)).alias(column))
    assert encoded(other) != encoded(bars)


def test_histories_of_unequal_length_are_read_whole(store: SnapshotStore) -> None:
    sessions = sessions_between(date(2024, 1, 2), WED)
    rows = [
        bar(f"S{number:02}", day, 10.0 + number)
        for number in range(30)
        for day in sessions[number * 2 :]
    ]
    bars = checked_bars(table(*rows), origin="test")
    assert store.save(WED, bars, ORIGIN).first == date(2024, 1, 2)
    assert store.scan(WED).collect().equals(bars)
    wanted = pl.col("symbol").is_in(["S03", "S29"])
    assert store.scan(WED).filter(wanted).collect().equals(bars.filter(wanted))
