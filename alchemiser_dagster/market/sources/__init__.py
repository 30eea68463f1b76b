"""Where daily bars come from: one small interface, `BarSource`, and a file for each source."""

from alchemiser_dagster.market.sources.alpaca import AlpacaSource, Progress
from alchemiser_dagster.market.sources.file import FileSource
from alchemiser_dagster.market.sources.interface import BarSource, Fetched, SourceError
from alchemiser_dagster.market.sources.synthetic import SyntheticSource

__all__ = [
    "AlpacaSource",
    "BarSource",
    "Fetched",
    "FileSource",
    "Progress",
    "SourceError",
    "SyntheticSource",
]
