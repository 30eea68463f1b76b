"""Files in a folder.

A write goes to a draft beside the file, is brought to the disk, and takes the file's name in one
step. Drafts begin with a dot; those of writers that were killed are neither listed nor read, and a
later write in the folder removes them.
"""

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR
from uuid import uuid4

from alchemiser_dagster.storage.files import FileMissing, StorageError, checked_name, is_name

DRAFT = ".new"
ABANDONED = 3600
"""Seconds after which a draft is nobody's any more."""

NO_ROOM = "make room or raise the quota, then do it again"
NO_ACCESS = "give this user access, mount it writable, or choose another folder"
NO_FOLDER = "a file stands where a folder is needed: move it, or choose another folder"
REMEDIES = {
    errno.ENOSPC: NO_ROOM,
    errno.EDQUOT: NO_ROOM,
    errno.EFBIG: NO_ROOM,
    errno.EROFS: NO_ACCESS,
    errno.EACCES: NO_ACCESS,
    errno.EPERM: NO_ACCESS,
    errno.ENOTDIR: NO_FOLDER,
    errno.EEXIST: NO_FOLDER,
    errno.EISDIR: "a folder stands where the file belongs: move it",
}
NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}


class LocalFiles:
    """The files below the folder `root`, which is made when it is first written to."""

    storage_options: dict[str, str] | None = None

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()

    def location(self, name: str) -> str:
        return str(self._path(name))

    def exists(self, name: str) -> bool:
        path = self._path(name)
        with _explained(path, "read"):
            return path.is_file()

    def size(self, name: str) -> int:
        return self._stat(name).st_size

    def sha256(self, name: str) -> str:
        path = self._path(name)
        with _explained(path, "read"), path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def stamp(self, name: str) -> str:
        stat = self._stat(name)
        # the last one cannot be set back, as tools that copy files do with the one before
        return f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}"

    def read(self, name: str) -> bytes:
        path = self._path(name)
        with _explained(path, "read"):
            return path.read_bytes()

    def write(self, name: str, content: bytes) -> None:
        path = self._path(name)
        draft = path.with_name(f".{os.getpid()}-{uuid4().hex}{DRAFT}")
        with _explained(path, "write"):
            _make_folder(path.parent)
            _sweep(path.parent)
            try:
                with draft.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
            except BaseException:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
                raise
            _sync(path.parent)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with suppress(FileMissing), _explained(path, "delete"):
            path.unlink()
            _sync(path.parent)

    def names(self, prefix: str) -> list[str]:
        folder = self.root / checked_name(prefix.rstrip("/")) if prefix else self.root
        with _explained(folder, "list"):
            found = [path.relative_to(self.root).as_posix() for path in _files_below(folder)]
        return sorted(name for name in found if is_name(name))

    def _path(self, name: str) -> Path:
        return self.root / checked_name(name)

    def _stat(self, name: str) -> os.stat_result:
        path = self._path(name)
        with _explained(path, "read"):
            found = path.stat()
            if S_ISDIR(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, "a folder")
            return found


def _files_below(folder: Path) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise error

    for parent, _, files in os.walk(folder, onerror=failed):
        yield from (Path(parent) / file for file in files)


def _make_folder(folder: Path) -> None:
    """Make the folder so that it is still there after a power cut."""
    new = [folder, *folder.parents]
    new = new[: next(n for n, path in enumerate(new) if path.exists())]
    folder.mkdir(parents=True, exist_ok=True)
    for path in new:
        _sync(path.parent)


def _sweep(folder: Path) -> None:
    """Remove the drafts that killed writers have left."""
    for draft in folder.glob(f".*{DRAFT}"):
        with suppress(FileNotFoundError):  # somebody else removes or renames it
            if draft.stat().st_mtime < time.time() - ABANDONED:
                draft.unlink()


def _sync(folder: Path) -> None:
    """Bring the folder's entries to the disk: a file's own fsync does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path, doing: str) -> Iterator[None]:
    """Turn the system's errors into this package's."""
    try:
        yield
    except OSError as error:
        if doing != "write" and error.errno in NOTHING_THERE:
            raise FileMissing(f"{path}: expected a file, was nothing there") from error
        remedy = REMEDIES.get(error.errno or 0, "see to the disk, then do it again")
        stands = "; the version before, if any, still stands" if doing == "write" else ""
        raise StorageError(
            f"{path}: cannot {doing} it ({error.strerror}): {remedy}{stands}"
        ) from error
