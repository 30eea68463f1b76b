"""The finished parts of a download that is not finished, kept in a folder until it is.

A part's file is named by what determines its content and by a hash of the content itself: what was
asked for otherwise is not found, and what is damaged is not trusted. Nothing here is the record
of anything; without the folder a download begins anew.
"""

import hashlib
import io
import json
import os
from datetime import date
from logging import getLogger
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

log = getLogger(__name__)

FORM = 1
"""To be raised when a part's columns change."""
PART, DRAFT = ".part.parquet", ".part.draft"
SHORT = 16


class Scratch:
    """Parts of downloads of one day; `folder` None keeps nothing."""

    def __init__(self, folder: Path | None, day: date) -> None:
        self._folder = folder
        self._day = day

    def key(self, **terms: object) -> str:
        """The name of a part that `terms`, with the day, determine wholly."""
        text = json.dumps({"form": FORM, **terms}, sort_keys=True, default=str)
        return f"{self._day}-{hashlib.sha256(text.encode()).hexdigest()[:SHORT]}"

    def find(self, key: str, schema: pl.Schema) -> pl.DataFrame | None:
        """The part kept under `key`, or None; one that is damaged is removed."""
        for path in self._files(f"{key}-*{PART}"):
            try:
                content = path.read_bytes()
                if _named(key, content) == path.name:
                    part = pl.read_parquet(io.BytesIO(content))
                    if part.schema == schema:
                        return part
            except (OSError, PolarsError):
                pass
            log.warning("%s is damaged and is fetched anew", path)
            path.unlink(missing_ok=True)
        return None

    def keep(self, key: str, part: pl.DataFrame) -> None:
        """Keep `part` under `key`; where that fails, the download goes on without."""
        if self._folder is None:
            return
        buffer = io.BytesIO()
        part.write_parquet(buffer)
        content = buffer.getvalue()
        path = self._folder / _named(key, content)
        draft = self._folder / path.name.replace(PART, DRAFT)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            log.warning("%s is not kept: %s", path, error)

    def clear(self, keys: list[str]) -> None:
        """Remove the parts of a finished download, and whatever other days have left."""
        for path in [*self._files(f"*{PART}"), *self._files(f"*{DRAFT}")]:
            if not path.name.startswith(str(self._day)) or path.name.startswith(tuple(keys)):
                path.unlink(missing_ok=True)

    def _files(self, pattern: str) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(self._folder.glob(pattern))


def _named(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:SHORT]}{PART}"
