"""docs/published_tables.md says what there is: counted from the code, not by hand."""

import inspect
import re
from pathlib import Path

import pytest

from alchemiser_dagster import settings
from alchemiser_dagster.publishing import ledger_items
from alchemiser_dagster.publishing.ledger_items import SIGNAL_DAYS
from alchemiser_dagster.publishing.performance_items import NEEDED, SNAPSHOT_DAYS, TIME
from alchemiser_dagster.publishing.tables import TRADE_LEDGER

ROOT = Path(settings.__file__).parents[1]
PAGE = (ROOT / "docs" / "published_tables.md").read_text(encoding="utf-8")


def test_every_index_is_there_with_its_keys_and_no_other() -> None:
    rows = re.findall(r"^\| `(GSI\d-\w+)` \| `(\w+)` = .*? \| `(\w+)`", PAGE, re.MULTILINE)
    assert {name: (pk, sk) for name, pk, sk in rows} == TRADE_LEDGER.indexes


def test_every_kind_of_item_is_there_and_no_other() -> None:
    made = set(re.findall(r'"EntityType": "(\w+)"', inspect.getsource(ledger_items)))
    listed = set(re.findall(r"^\| ([A-Z_]+) \|", PAGE, re.MULTILINE))
    assert made == listed
    described = set(re.findall(r"\*\*([A-Z_]+)\*\*", PAGE))
    assert described == made


def test_every_attribute_of_the_ledgers_items_is_there() -> None:
    named = set(re.findall(r'"([a-z_]{4,})": ', inspect.getsource(ledger_items)))
    assert named
    assert {name for name in named if f"`{name}`" not in PAGE} == set()


def test_the_snapshots_attributes_are_there() -> None:
    wanted = {"strategy_name", *NEEDED} - {"book"}
    assert TIME in wanted
    assert {name for name in wanted if f"`{name}`" not in PAGE} == set()


def test_every_setting_is_there() -> None:
    made = set(re.findall(r"ALCHEMISER_PUBLISH_\w+", inspect.getsource(settings)))
    assert made == set(re.findall(r"ALCHEMISER_PUBLISH_\w+", PAGE))


@pytest.mark.parametrize("days", [SNAPSHOT_DAYS, SIGNAL_DAYS])
def test_every_expiry_is_there(days: int) -> None:
    assert f"| {days} days after" in PAGE


def test_every_finding_has_its_answer_and_every_test_named_exists() -> None:
    rows = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    named = {name for name in re.findall(r"`(test_\w+)`", PAGE) if len(name) > 25}
    assert len(named) > 8
    assert {name for name in named if f"def {name}(" not in tests} == set()
