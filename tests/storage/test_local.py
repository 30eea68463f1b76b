"""Files in a folder: disks that are full, read-only or in the way, and writers that are killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import cache
from pathlib import Path

import pytest

from alchemiser_dagster.storage import StorageError, open_files
from alchemiser_dagster.storage.local import ABANDONED

OLD, NEW = b"old " * 1000, b"new " * 50_000


def on_a_disk(mount: str, script: str, folder: Path) -> str:
    """What `script` prints; `mount` makes `folder` a disk of its own, seen by nobody else."""
    files = "from alchemiser_dagster.storage import open_files\nfiles = open_files('{}')\n"
    text = files.format(folder) + textwrap.dedent(script)
    command = f'{mount.format(folder=folder)} && exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", command, sys.executable, text],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def can_mount() -> bool:
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_a_mount = pytest.mark.skipif(not can_mount(), reason="no right to mount a small disk here")


@needs_a_mount
def test_a_full_disk_leaves_the_version_before(tmp_path: Path) -> None:
    said = on_a_disk(
        "mount -t tmpfs -o size=64k none {folder}",
        f"""
        import os
        from alchemiser_dagster.storage import StorageError
        files.write("bars/a.json", {OLD!r})
        try:
            files.write("bars/a.json", b"x" * 100_000)
        except StorageError as error:
            print(error)
        assert files.read("bars/a.json") == {OLD!r}
        print(os.listdir("{tmp_path}/bars"))
        files.write("bars/a.json", b"new")
        assert files.read("bars/a.json") == b"new"
        """,
        tmp_path,
    )
    assert "bars/a.json: cannot write it (No space left on device): make room" in said
    assert "the version before, if any, still stands" in said
    assert "['a.json']" in said


@needs_a_mount
def test_a_disk_mounted_read_only(tmp_path: Path) -> None:
    open_files(tmp_path).write("a.json", OLD)
    said = on_a_disk(
        "mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}",
        f"""
        from alchemiser_dagster.storage import StorageError
        uses = lambda: files.write("a.json", b"new"), lambda: files.delete("a.json")
        for use in (*uses, lambda: files.write("new/b.json", b"new")):
            try:
                use()
            except StorageError as error:
                print(error)
        assert files.read("a.json") == {OLD!r}
        """,
        tmp_path,
    )
    assert "a.json: cannot write it (Read-only file system): give this user access, mount" in said
    assert "a.json: cannot delete it (Read-only file system)" in said
    assert "new/b.json: cannot write it (Read-only file system)" in said
    assert open_files(tmp_path).names("") == ["a.json"]


def test_a_write_that_the_system_cuts_short(tmp_path: Path) -> None:
    script = """
        import resource, sys
        from pathlib import Path
        from alchemiser_dagster.storage import StorageError, open_files
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            open_files(Path(sys.argv[1])).write("bars/a.json", b"x" * 100_001)
        except StorageError as error:
            print(error)
    """
    files = open_files(tmp_path)
    files.write("bars/a.json", OLD)
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "bars/a.json: cannot write it (File too large): make room or raise the quota" in said
    assert files.read("bars/a.json") == OLD
    assert [path.name for path in (tmp_path / "bars").iterdir()] == ["a.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    files.write("a.json", OLD)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(StorageError, match=r"\(Permission denied\): give this user access"):
            files.write("a.json", NEW)
    finally:
        tmp_path.chmod(0o755)
    assert files.read("a.json") == OLD


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "bars").write_text("in the way")
    for store, name in ((tmp_path, "bars/a.json"), (tmp_path / "bars", "a.json")):
        with pytest.raises(StorageError, match="a file stands where a folder is needed"):
            open_files(store).write(name, b"x")
    assert (tmp_path / "bars").read_text() == "in the way"


def test_a_folder_where_the_file_belongs(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(StorageError, match="a folder stands where the file belongs: move it"):
        open_files(tmp_path).write("a.json", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_the_drafts_of_killed_writers_are_no_files(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    files.write("bars/a.json", OLD)
    draft = tmp_path / "bars" / ".123-abc.new"
    draft.write_bytes(NEW[:1000])
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "b.json").touch()
    assert files.names("") == files.names("bars/") == ["bars/a.json"]
    with pytest.raises(ValueError, match=r"without .* a dot in front"):
        files.read("bars/.123-abc.new")
    # a writer may still be at it
    files.write("bars/a.json", OLD)
    assert draft.exists()
    an_age_ago = time.time() - ABANDONED - 1
    os.utime(draft, (an_age_ago, an_age_ago))
    files.write("bars/a.json", OLD)
    assert not draft.exists()


WRITER = """
import sys
from pathlib import Path
from alchemiser_dagster.storage import open_files
files = open_files(Path(sys.argv[1]))
print("ready", flush=True)
for turn in range(1_000_000):
    files.write("bars/a.json", (b"%06d" % turn) * 200_000)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    """Killed at ten moments, most of them in the middle of 1.2 MB."""
    files = open_files(tmp_path)
    drafts = 0
    for number in range(10):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.02 + 0.0077 * number)
            writer.send_signal(signal.SIGKILL)
        assert writer.returncode == -signal.SIGKILL
        assert files.names("") in ([], ["bars/a.json"])
        if files.exists("bars/a.json"):
            content = files.read("bars/a.json")
            assert content == content[:6] * 200_000
        drafts += len(list(tmp_path.glob("bars/.*.new")))
    assert drafts > 0, "no writer was killed while it wrote"
    files.write("bars/a.json", NEW)
    assert files.read("bars/a.json") == NEW


def test_whoever_reads_meanwhile_sees_one_version(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            while not files.exists("bars/a.json"):
                time.sleep(0.001)
            seen, give_up = set(), time.monotonic() + 30
            while len(seen) < 4 and time.monotonic() < give_up:
                content = files.read("bars/a.json")
                assert content == content[:6] * 200_000
                seen.add(content[:6])
        finally:
            writer.kill()
    assert len(seen) == 4


def test_files_are_as_open_to_others_as_any(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    before = os.umask(0o022)
    try:
        files.write("a.json", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


def test_a_content_put_back_in_time_has_another_stamp(tmp_path: Path) -> None:
    """As `cp -p` and `rsync -a` do: equal length, equal time."""
    files = open_files(tmp_path)
    files.write("a.json", b"one")
    path = tmp_path / "a.json"
    stamp, times = files.stamp("a.json"), path.stat()
    time.sleep(0.02)  # the finest time that some disks keep
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_mtime_ns == times.st_mtime_ns
    assert files.stamp("a.json") != stamp
