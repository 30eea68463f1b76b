"""Printing and reading again is the identity on graphs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.symphony import read_symphony
from alchemiser_dagster.symphony.printer import print_symphony
from tests.symphony.market import choose, program
from tests.symphony.programs import bodies, text_of
from tests.symphony.test_cases import CONDITIONS, HOLDS

STRATEGIES = sorted((Path(__file__).resolve().parents[2] / "strategies").glob("*.clj"))
CASES = [program(body) for _, body, _ in HOLDS] + [choose(c) for _, c, _ in CONDITIONS]


def check(text: str) -> None:
    symphony = read_symphony(text, name="t")
    printed = print_symphony(symphony)
    again = read_symphony(printed, name="t")
    assert again.root is symphony.root
    assert again.fingerprint == symphony.fingerprint
    assert again.title == symphony.title
    assert [o.label for o in again.occurrences()] == [o.label for o in symphony.occurrences()]
    assert print_symphony(again) == printed


@pytest.mark.parametrize("text", CASES)
def test_cases(text: str) -> None:
    check(text)


@pytest.mark.parametrize("file", STRATEGIES, ids=lambda file: file.stem)
def test_shipped_strategies(file: Path) -> None:
    check(file.read_text(encoding="utf-8"))


@given(body=bodies)
def test_random_programs(body: str) -> None:
    check(text_of(body))


@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_name(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    check(
        f'(defsymphony "{quoted}" {{:rebalance-threshold 0.05}} (group "{quoted}" '
        '[(weight-equal [(asset "SPY")])]))'
    )


@pytest.mark.parametrize(
    "weights", [("0.333333",) * 3, ("33.3333",) * 3, ("0.6667000000000001", "0.3333", "0")]
)
def test_rescaled_weights(weights: tuple[str, str, str]) -> None:
    pairs = " ".join(f'{w} (asset "{s}")' for w, s in zip(weights, "ABC", strict=True))
    check(program(f"(weight-specified {pairs})"))


def test_deep_nesting() -> None:
    check(f'(defsymphony "x" {{}} {"(weight-equal [" * 140}(asset "SPY"){"])" * 140})')


def test_how_it_looks() -> None:
    text = (
        '(defsymphony "Calm" {:rebalance-threshold 0.05} (if-then-else (> (rsi "SPY" 10) 70.0)'
        ' (asset "bil") [(group "Best" [(filter (rsi 5) (select-top 1)'
        ' [(asset "BRK.B" "x") (asset "QQQ")])])]))'
    )
    assert print_symphony(read_symphony(text, name="t")) == (
        "(defsymphony\n"
        ' "Calm"\n'
        ' {:asset-class "EQUITIES", :rebalance-threshold 0.05}\n'
        ' (if (> (rsi "SPY" {:window 10}) 70)\n'
        "  [\n"
        '   (asset "BIL")]\n'
        "  [\n"
        '   (group "Best"\n'
        "    [\n"
        "     (filter (rsi {:window 5}) (select-top 1)\n"
        "      [\n"
        '       (asset "BRK/B")\n'
        '       (asset "QQQ")])])]))\n'
    )
