"""Snapshots that are not what was stored: nothing of them is used, and they can be mended."""

import hashlib
import io
import json
from dataclasses import dataclass

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.market.snapshot_content import encoded
from alchemiser_dagster.market.snapshots import Snapshot, SnapshotDamaged, SnapshotStore
from alchemiser_dagster.storage import Files
from tests.storage.stores import Spoil

from .evening import ORIGIN, evening
from .tables import MON, WED

POINTER = "daily_bars/2024-03-27.json"


@dataclass
class Stored:
    """A store with the snapshot of Wednesday; `content` names the file of its bars."""

    store: SnapshotStore
    snapshot: Snapshot
    spoil: Spoil

    @property
    def content(self) -> str:
        return f"daily_bars/2024-03-27/{self.snapshot.sha256}.parquet"

    def refusal(self) -> str:
        """Why the bars are not read; the damaged file is named, and so is the remedy."""
        with pytest.raises(SnapshotDamaged) as caught:
            self.store.scan(WED)
        assert "nothing of it was used: materialise daily_bars of 2024-03-27 again" in str(
            caught.value
        )
        return str(caught.value)

    def mend(self) -> None:
        """What materialising again does; then all is well."""
        assert self.store.save(WED, evening(), ORIGIN) == self.snapshot
        assert self.store.scan(WED).collect().equals(evening())


@pytest.fixture
def stored(files: Files, spoil: Spoil) -> Stored:
    store = SnapshotStore(files)
    return Stored(store, store.save(WED, evening(), ORIGIN), spoil)


@pytest.fixture(params=["never read", "read before"])
def either(request: pytest.FixtureRequest, stored: Stored) -> Stored:
    """The snapshot, of which this process may have read before."""
    if request.param == "read before":
        stored.store.scan(WED).collect()
    return stored


def test_no_bytes(either: Stored) -> None:
    either.spoil(either.content, b"")
    refusal = either.refusal()
    assert either.store.files.location(either.content) in refusal
    assert f"expected {either.snapshot.size} bytes, was empty" in refusal
    either.mend()


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_truncated(either: Stored, kept: float) -> None:
    whole = either.store.files.read(either.content)
    length = int(len(whole) * kept)
    either.spoil(either.content, whole[:length])
    assert f"expected {len(whole)} bytes, was {length} bytes" in either.refusal()
    either.mend()


def test_a_flipped_bit(either: Stored) -> None:
    spoiled = bytearray(either.store.files.read(either.content))
    spoiled[len(spoiled) // 2] ^= 1
    either.spoil(either.content, bytes(spoiled))
    refusal = either.refusal()
    assert f"expected the SHA-256 {either.snapshot.sha256}, was " in refusal
    assert hashlib.sha256(spoiled).hexdigest() in refusal
    either.mend()


def test_m13_other_bars_of_as_many_rows_under_the_old_name(either: Stored) -> None:
    """What a cache that only counts rows would take for the snapshot."""
    other = encoded(evening(92.5))
    assert len(other) == either.snapshot.size
    either.spoil(either.content, other)
    assert f"expected the SHA-256 {either.snapshot.sha256}, was " in either.refusal()
    either.mend()


def test_the_bars_are_gone(either: Stored) -> None:
    either.store.files.delete(either.content)
    assert f"expected {either.snapshot.size} bytes, was nothing there" in either.refusal()
    either.mend()


@pytest.mark.parametrize(
    ("change", "was"),
    [
        (lambda bars: bars.drop("volume"), "low (Float64);"),
        (lambda bars: bars.cast({"volume": pl.Int64}), "low (Float64), volume (Int64);"),
        (lambda bars: bars.rename({"date": "session"}), "session (Date), adj_close"),
        (lambda bars: bars.with_columns(vwap=1.0), "volume (Float64), vwap (Float64);"),
        (lambda bars: bars.select(reversed(bars.columns)), "was the columns volume (Float64), low"),
    ],
)
def test_bars_of_another_form_whole_and_pointed_to(stored: Stored, change, was) -> None:  # type: ignore[no-untyped-def]
    content = io.BytesIO()
    change(pl.read_parquet(encoded(evening()))).write_parquet(content)
    point_to(stored, content.getvalue())
    refusal = stored.refusal()
    assert "expected the columns symbol (String), date (Date), adj_close (Float64)," in refusal
    assert was in refusal


def test_no_parquet_at_all_whole_and_pointed_to(stored: Stored) -> None:
    point_to(stored, b"symbol,date,open,high,low,close,volume,adj_close\n" * 10)
    assert "expected a parquet file, was one that cannot be read" in stored.refusal()


def point_to(stored: Stored, content: bytes) -> None:
    """Store `content` and let the pointer say so."""
    sha256 = hashlib.sha256(content).hexdigest()
    pointer = json.loads(stored.store.files.read(POINTER))
    pointer |= {"sha256": sha256, "size": len(content)}
    stored.spoil(f"daily_bars/2024-03-27/{sha256}.parquet", content)
    stored.spoil(POINTER, json.dumps(pointer).encode())


@pytest.mark.parametrize(
    ("change", "was"),
    [
        (lambda text: b"", "the file: Invalid JSON"),
        (lambda text: text[: len(text) // 2], "the file: Invalid JSON"),
        (lambda text: b"\xff\xfe\x00", "the file: Invalid JSON"),
        (lambda text: b"[]", "the file: "),
        (lambda text: text.replace(b'"sha256"', b'"sha"'), "sha256: Field required"),
        (lambda text: text.replace(b'"sha256": "', b'"sha256": "../'), "sha256: String should"),
        (lambda text: text.replace(b'"rows": 7', b'"rows": null'), "rows: Input should"),
        (lambda text: text.replace(b'"feed"', b'"food"'), "origin.feed: Field required"),
        (lambda text: text.replace(b":00Z", b":00"), "origin.fetched_at: Input should have"),
        (lambda text: text.replace(b": [", b": 1, [", 1), "the file: Invalid JSON"),
    ],
)
def test_a_pointer_that_is_none(stored: Stored, change, was) -> None:  # type: ignore[no-untyped-def]
    text = stored.store.files.read(POINTER)
    assert change(text) != text
    stored.spoil(POINTER, change(text))
    refusal = stored.refusal()
    assert stored.store.files.location(POINTER) in refusal
    assert f"expected a snapshot's pointer, was {was}" in refusal
    for question in (stored.store.find, stored.store.get):
        with pytest.raises(SnapshotDamaged):
            question(WED)
    stored.mend()


def test_the_pointer_of_another_session(stored: Stored) -> None:
    monday = stored.store.save(MON, evening(), ORIGIN)
    stored.spoil(POINTER, stored.store.files.read("daily_bars/2024-03-25.json"))
    assert "expected the pointer of 2024-03-27, was that of 2024-03-25" in stored.refusal()
    stored.mend()
    assert stored.store.get(MON) == monday


def test_a_lost_pointer_is_made_anew_with_what_is_still_there(stored: Stored) -> None:
    second = stored.store.save(WED, evening(46.0), ORIGIN)
    stored.spoil(POINTER, b"{}")
    third = stored.store.save(WED, evening(45.0), ORIGIN)
    assert set(third.superseded) == {stored.snapshot.sha256, second.sha256}


def test_a_damaged_snapshot_that_was_superseded(stored: Stored) -> None:
    stored.store.save(WED, evening(46.0), ORIGIN)
    stored.spoil(stored.content, b"x")
    with pytest.raises(SnapshotDamaged, match="restore it from a copy"):
        stored.store.scan(WED, stored.snapshot.sha256)
    assert stored.store.scan(WED).collect().equals(evening(46.0))


def test_damage_does_not_hide_other_sessions(stored: Stored) -> None:
    stored.store.save(MON, evening(91.0), ORIGIN)
    stored.spoil(stored.content, b"")
    stored.refusal()
    assert stored.store.sessions() == [MON, WED]
    assert stored.store.scan(MON).collect().equals(evening(91.0))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(at=0.0, bit=0)
@example(at=0.9999, bit=7)
def test_any_flipped_bit_is_found(stored: Stored, at: float, bit: int) -> None:
    whole = stored.store.files.read(stored.content)
    spoiled = bytearray(whole)
    spoiled[int(at * len(spoiled))] ^= 1 << bit
    stored.spoil(stored.content, bytes(spoiled))
    try:
        assert "expected the SHA-256" in stored.refusal()
    finally:
        stored.spoil(stored.content, whole)
    assert stored.store.scan(WED).collect().equals(evening())
