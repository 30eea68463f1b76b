"""What a store of files is, whichever medium it is on.

A file is there whole or not at all: a write replaces the earlier version in one step, and one that
fails or is killed leaves the earlier version as it was. A write that has returned survives a power
cut.

Names are relative and alike on every medium: parts joined by "/", none of them empty or with a dot
in front (`daily_bars/2026-01-15.json`). What begins with a dot is a medium's own business.
"""

from pathlib import Path
from typing import Protocol


class StorageError(Exception):
    """A store that cannot be read or written; the message names the place and what to do."""


class FileMissing(StorageError):
    """There is no file of that name."""


class Files(Protocol):
    """Files by name. Every method raises StorageError where the medium fails."""

    @property
    def storage_options(self) -> dict[str, str] | None:
        """What polars needs besides a location to read it; credentials, so never to be shown."""

    def location(self, name: str) -> str:
        """Where the file lies, for people and for polars: a path or an `s3://` URL."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def size(self, name: str) -> int:
        """Its length in bytes. Raises FileMissing."""

    def sha256(self, name: str) -> str:
        """The SHA-256 of what is stored, in hexadecimal. Raises FileMissing.

        Worked out from the bytes, or the store's own where the store vouches for it.
        """

    def stamp(self, name: str) -> str:
        """Something that changes when the file does. Raises FileMissing."""

    def read(self, name: str) -> bytes:
        """The whole content. Raises FileMissing."""

    def write(self, name: str, content: bytes) -> None:
        """Store the content, whole or not at all, in place of an earlier one."""

    def delete(self, name: str) -> None:
        """Remove the file; it need not be there."""

    def names(self, prefix: str) -> list[str]:
        """The files below `prefix` ("folder/", or "" for all), at any depth, sorted."""


def open_files(location: str | Path) -> Files:
    """The store at `location`: a folder, made when it is first written to, or `s3://bucket/prefix`.

    A bucket is reached with boto3, which takes credentials, region and endpoint from the usual
    places (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, ~/.aws, a role).

    Raises:
        StorageError: the location is of no such form, or boto3's own settings make no sense.
    """
    from alchemiser_dagster.storage.local import LocalFiles

    if isinstance(location, Path) or "://" not in location:
        return LocalFiles(Path(location))
    scheme, _, rest = location.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise StorageError(f"expected a folder or s3://bucket/prefix, was {location}")
    # boto3 takes a fifth of a second to import, and most accounts live in a folder
    from alchemiser_dagster.storage.s3 import S3Files

    return S3Files(bucket, prefix.strip("/"))


def checked_name(name: str) -> str:
    """`name` itself; raises ValueError if it is not of the form that every medium stores."""
    if not is_name(name):
        raise ValueError(
            f"expected a relative name without empty parts or a dot in front of one, was {name!r}"
        )
    return name


def is_name(name: str) -> bool:
    """Whether a file can have this name."""
    return all(part and part[0] != "." for part in name.split("/")) and name.isprintable()
