"""Where an embedded account's bars come from."""

from pathlib import Path

from alchemiser_dagster.market.sources import BarSource, FileSource, SyntheticSource
from alchemiser_dagster.settings import AccountFile


def source_of(facts: AccountFile) -> BarSource:
    """The bars of an embedded account."""
    return SyntheticSource(facts.seed) if facts.bars is None else FileSource(Path(facts.bars))
