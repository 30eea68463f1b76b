"""The strategies that come with the project: readable, funded, and alive on the made-up market."""

import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from alchemiser_dagster.market.bars import closing_prices, read_bars
from alchemiser_dagster.market.sources import SyntheticSource
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.synthetic import DEFAULT_SEED, instruments
from alchemiser_dagster.symphony import Evaluation, Frequency, Symphony, evaluate, read_symphony

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "strategies"
FILES = sorted(FOLDER.glob("*.clj"))
NAMES = [file.stem for file in FILES]
REAL_BARS = ROOT / "../shared/market/bars.parquet"

TWO_YEARS = (date(2024, 1, 2), date(2025, 12, 31))

OPERATORS = {
    "defsymphony",
    "weight-equal",
    "weight-specified",
    "weight-inverse-volatility",
    "if",
    "and",
    "or",
    ">",
    "<",
    ">=",
    "<=",
    "=",
    "filter",
    "select-top",
    "select-bottom",
    "group",
    "asset",
    "current-price",
    "moving-average-price",
    "exponential-moving-average-price",
    "rsi",
    "cumulative-return",
    "moving-average-return",
    "stdev-return",
    "stdev-price",
    "max-drawdown",
    "percentage-price-oscillator",
    "percentage-price-oscillator-signal",
}

# All weather always holds the same eleven funds and changes only how much of each.
CONSTANT_HOLDINGS = {"all_weather"}


def symphony_of(file: Path) -> Symphony:
    return read_symphony(file.read_text(encoding="utf-8"), name=file.stem, source=str(file))


@pytest.fixture(scope="module")
def symphonies() -> dict[str, Symphony]:
    return {file.stem: symphony_of(file) for file in FILES}


@pytest.fixture(scope="module")
def evaluations(symphonies: dict[str, Symphony]) -> dict[str, Evaluation]:
    """Every strategy over two years of the made-up market, with no bar before them."""
    symbols = sorted({symbol for symphony in symphonies.values() for symbol in symphony.symbols})
    bars = SyntheticSource(DEFAULT_SEED).daily_bars(symbols, *TWO_YEARS)
    return evaluate(list(symphonies.values()), closing_prices(bars))


def holdings(evaluation: Evaluation) -> list[frozenset[str]]:
    """What is held in each session that has a signal."""
    return [
        frozenset(evaluation.symbols[i] for i in np.flatnonzero(row > 0))
        for row in evaluation.weights[evaluation.available]
    ]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_reads(file: Path) -> None:
    assert symphony_of(file).title


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_explains_itself(file: Path) -> None:
    """A head of comments says what it does, why, what hurts it, how often, what it shows."""
    lines = file.read_text(encoding="utf-8").splitlines()
    head = lines[: lines.index("")]
    assert all(line.startswith(";") for line in head)
    for label in ("What it does", "Why it may work", "What hurts it", "Cadence", "Shows"):
        assert any(line.startswith(f"; {label} ") for line in head), f"expected {label!r}"
    too_long = [number for number, line in enumerate(lines, 1) if len(line) > 100]
    assert not too_long, f"expected at most 100 characters, was more in lines {too_long}"


def test_the_three_that_must_exist() -> None:
    assert {"nuclear", "tecl", "klm"} <= set(NAMES)
    assert len(NAMES) >= 10


def test_together_they_use_every_operator(symphonies: dict[str, Symphony]) -> None:
    used = frozenset().union(*(symphony.operators for symphony in symphonies.values()))
    assert used >= OPERATORS, f"expected also {sorted(OPERATORS - used)}"


def test_together_they_use_every_kind_of_header(symphonies: dict[str, Symphony]) -> None:
    headers = [symphony.rebalancing for symphony in symphonies.values()]
    assert {header.frequency for header in headers} >= {
        Frequency.DAILY,
        Frequency.WEEKLY,
        Frequency.MONTHLY,
    }
    assert any(header.threshold is not None for header in headers)


def test_every_symbol_is_listed_on_the_made_up_market(symphonies: dict[str, Symphony]) -> None:
    listed = instruments()
    for name, symphony in symphonies.items():
        missing = [s for s in symphony.symbols if broker_symbol(s) not in listed]
        assert not missing, f"{name}: expected symbols of the made-up market, was {missing}"


def test_books_give_all_of_the_account_to_exactly_these_files() -> None:
    text = (FOLDER / "books.toml").read_text(encoding="utf-8")
    books = tomllib.loads(text)["books"]
    assert sorted(books) == NAMES
    assert all(re.fullmatch(r"0\.\d\d", book["allocation"]) for book in books.values())
    assert sum(Decimal(book["allocation"]) for book in books.values()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_has_weights_in_each_of_the_last_twenty_sessions(
    name: str, evaluations: dict[str, Evaluation]
) -> None:
    evaluation = evaluations[name]
    for session in evaluation.sessions[-20:]:
        weights = evaluation.at(session)
        assert sum(weights.values()) == pytest.approx(1, abs=1e-9), session
        assert set(weights) <= set(evaluation.symphony.held)


@pytest.mark.parametrize("name", sorted(set(NAMES) - CONSTANT_HOLDINGS))
def test_does_not_hold_the_same_for_ever(name: str, evaluations: dict[str, Evaluation]) -> None:
    assert len(set(holdings(evaluations[name]))) > 1


@pytest.mark.parametrize("name", sorted(CONSTANT_HOLDINGS))
def test_sizes_move_where_holdings_do_not(name: str, evaluations: dict[str, Evaluation]) -> None:
    weights = evaluations[name].weights[evaluations[name].available]
    assert np.ptp(weights, axis=0).max() > 0.01


@pytest.mark.skipif(not REAL_BARS.exists(), reason="there are no real bars beside the checkout")
def test_has_a_signal_in_every_session_of_a_real_quarter(symphonies: dict[str, Symphony]) -> None:
    symbols = {symbol for symphony in symphonies.values() for symbol in symphony.symbols}
    bars = read_bars(REAL_BARS, symbols=symbols, first=date(2021, 1, 4), last=date(2024, 3, 28))
    for name, evaluation in evaluate(list(symphonies.values()), closing_prices(bars)).items():
        quarter = [s for s in evaluation.sessions if date(2024, 1, 2) <= s]
        assert len(quarter) == 61
        reasons = {s: why for s in quarter if (why := evaluation.reason(s)) is not None}
        assert not reasons, f"{name}: {reasons}"
