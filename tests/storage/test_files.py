"""What every store of files promises, whatever it is on."""

import hashlib
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.storage import FileMissing, Files, StorageError, open_files
from alchemiser_dagster.storage.files import is_name
from tests.storage.stores import Spoil

POINTER = "daily_bars/2026-01-15.json"

parts = st.text(
    st.characters(codec="utf-8", categories=("L", "N"), include_characters=" ._-=+%[]{}*?#&'~"),
    min_size=1,
    max_size=12,
).filter(lambda part: not part.startswith("."))
file_names = st.lists(parts, min_size=1, max_size=3).map("/".join)


def test_what_was_written_is_read(files: Files) -> None:
    files.write(POINTER, b'{"rows": 3}')
    assert files.read(POINTER) == b'{"rows": 3}'
    assert files.exists(POINTER)
    assert files.size(POINTER) == 11
    assert files.sha256(POINTER) == hashlib.sha256(b'{"rows": 3}').hexdigest()
    assert files.location(POINTER).endswith(POINTER)


def test_a_write_replaces_the_whole_file(files: Files) -> None:
    files.write(POINTER, b"a long first version")
    files.write(POINTER, b"short")
    assert files.read(POINTER) == b"short"
    assert files.size(POINTER) == 5
    assert files.sha256(POINTER) == hashlib.sha256(b"short").hexdigest()
    assert files.names("") == [POINTER]


def test_an_empty_file_is_a_file(files: Files) -> None:
    files.write(POINTER, b"")
    assert files.exists(POINTER)
    assert files.read(POINTER) == b""
    assert files.size(POINTER) == 0


def test_what_is_not_there_is_told_with_its_place(files: Files) -> None:
    assert not files.exists(POINTER)
    assert files.names("") == files.names("daily_bars/") == []
    for question in (files.read, files.size, files.stamp, files.sha256):
        with pytest.raises(FileMissing, match="was nothing there") as caught:
            question(POINTER)
        assert files.location(POINTER) in str(caught.value)


def test_a_folder_is_no_file(files: Files) -> None:
    files.write(POINTER, b"x")
    assert not files.exists("daily_bars")
    for question in (files.read, files.size, files.stamp, files.sha256):
        with pytest.raises(FileMissing):
            question("daily_bars")


def test_a_file_is_no_folder(files: Files) -> None:
    files.write("daily_bars", b"x")
    assert not files.exists(POINTER)
    assert files.names("daily_bars/") == []
    with pytest.raises(FileMissing):
        files.read(POINTER)


def test_a_deleted_file_is_gone_and_may_be_deleted_again(files: Files) -> None:
    files.write(POINTER, b"x")
    for _ in range(2):
        files.delete(POINTER)
        assert not files.exists(POINTER)
    files.delete("never/was")


def test_names_are_sorted_and_of_one_folder_only(files: Files) -> None:
    for name in ("bars/b/2.json", "bars/a.json", "bars/b.json", "bars2/c.json", "d.json"):
        files.write(name, b"")
    assert files.names("bars/") == ["bars/a.json", "bars/b.json", "bars/b/2.json"]
    assert files.names("bars/b/") == ["bars/b/2.json"]
    assert files.names("")[-2:] == ["bars2/c.json", "d.json"]
    assert files.names("nowhere/") == []


def test_the_stamp_stays_while_the_file_does(files: Files) -> None:
    files.write(POINTER, b"one")
    files.write("other", b"one")
    before = files.stamp(POINTER)
    files.write("other", b"two")
    assert files.stamp(POINTER) == before


def test_the_stamp_changes_with_the_content(files: Files, spoil: Spoil) -> None:
    files.write(POINTER, b"one")
    stamps = {files.stamp(POINTER)}
    files.write(POINTER, b"two")
    stamps.add(files.stamp(POINTER))
    spoil(POINTER, b"six")
    stamps.add(files.stamp(POINTER))
    assert len(stamps) == 3


def test_the_hash_is_of_what_is_stored_now(files: Files, spoil: Spoil) -> None:
    files.write(POINTER, b"one")
    spoil(POINTER, b"six")
    assert files.sha256(POINTER) == hashlib.sha256(b"six").hexdigest()


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "..", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a\nb", "a\0b"]
)
def test_names_that_no_store_takes(files: Files, name: str) -> None:
    for use in (files.read, files.exists, files.stamp, files.delete, files.location):
        with pytest.raises(ValueError, match="expected a relative name"):
            use(name)
    with pytest.raises(ValueError, match="expected a relative name"):
        files.write(name, b"x")


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=file_names, versions=st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_any_content_under_any_name_comes_back(
    files: Files, name: str, versions: list[bytes]
) -> None:
    folder = uuid4().hex  # a name may be the folder of another example
    name = f"{folder}/{name}"
    for content in versions:
        files.write(name, content)
        assert files.read(name) == content
        assert files.sha256(name) == hashlib.sha256(content).hexdigest()
    assert files.names(f"{folder}/") == [name]


@given(st.text(max_size=8))
def test_no_name_leads_out_of_the_store(name: str) -> None:
    if is_name(name):
        assert ".." not in name.split("/")
        assert name[0] != "/"
        assert "\0" not in name


@pytest.mark.parametrize(
    "location", ["gs://bucket/bars", "s3://", "s3:///bars", "https://bucket.example/bars"]
)
def test_locations_of_no_known_form(location: str) -> None:
    with pytest.raises(
        StorageError, match=f"expected a folder or s3://bucket/prefix, was {location}"
    ):
        open_files(location)


@pytest.mark.parametrize(("slash", "prefix"), [*product(["", "/"], ["", "/bars", "/bars/2026"])])
def test_a_slash_at_the_end_makes_no_difference(bucket: str, slash: str, prefix: str) -> None:
    files = open_files(f"s3://{bucket}{prefix}{slash}")
    assert files.location("a.json") == f"s3://{bucket}{prefix}/a.json"
    files.write("a.json", b"x")
    assert open_files(f"s3://{bucket}{prefix}").names("") == ["a.json"]
