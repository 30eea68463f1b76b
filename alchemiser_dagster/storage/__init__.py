"""Files by name, in a folder or in a bucket: one small interface, `Files`, and a file for each."""

from alchemiser_dagster.storage.files import FileMissing, Files, StorageError, open_files

__all__ = ["FileMissing", "Files", "StorageError", "open_files"]
