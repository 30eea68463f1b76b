"""The language's kernels under pytest-benchmark: `make bench` prints them with their spread."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from alchemiser_dagster.symphony import ClosingPrices, Symphony, evaluate, read_symphony
from benchmarks.symphony.workload import closing_prices, texts


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return texts()


@pytest.fixture(scope="module")
def closes() -> ClosingPrices:
    return closing_prices()


@pytest.fixture(scope="module")
def symphonies(sources: dict[str, str]) -> list[Symphony]:
    return [read_symphony(text, name) for name, text in sources.items()]


def test_reading(benchmark: BenchmarkFixture, sources: dict[str, str]) -> None:
    read = benchmark(lambda: [read_symphony(text, name) for name, text in sources.items()])
    assert len(read) == len(sources)


def test_evaluating_everything(
    benchmark: BenchmarkFixture, symphonies: list[Symphony], closes: ClosingPrices
) -> None:
    evaluations = benchmark(evaluate, symphonies, closes)
    assert len(evaluations) == len(symphonies)


def test_evaluating_the_largest(
    benchmark: BenchmarkFixture, symphonies: list[Symphony], closes: ClosingPrices
) -> None:
    largest = max(symphonies, key=lambda symphony: len(symphony.source.text))
    assert benchmark(evaluate, [largest], closes)[largest.name].available.any()
