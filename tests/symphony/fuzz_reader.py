"""A campaign against the reader: `python -m tests.symphony.fuzz_reader [INPUTS] [SEED]`.

Three sources of texts in turn: token soup, valid programs with a few characters changed, and
valid programs with whole tokens cut, doubled, swapped or replaced. Every text must either be read
(then it must also survive printing and reading again) or be refused with a SymphonyError that
points into the text. The result is written to docs/reader-fuzzing.md.
"""

from __future__ import annotations

import random
import re
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path

from alchemiser_dagster.symphony import SymphonyError, print_symphony, read_symphony
from alchemiser_dagster.symphony.graph import Interner
from tests.symphony.market import choose, program
from tests.symphony.test_cases import CONDITIONS, HOLDS

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "reader-fuzzing.md"
WORDS = (
    *'()[]{}();,"\\:',
    *(
        "nil",
        "true",
        "1",
        "-1",
        "0.5",
        ".5",
        "5.",
        "1e3",
        "1e999",
        "+",
        "%",
        "\n",
        "\t",
        "é",
        "\x00",
    ),
    *(":window", ":a/b", '"SPY"', '"75%"', '"', "BRK/B", "; note\n", "#", "\ud800", "\uff19"),
    *("defsymphony", "weight-equal", "weight-specified", "weight-inverse-volatility", "group"),
    *("if", "filter", "asset", "rsi", "select-top", ">", "=", "and", "or", "unimplemented"),
)
TOKEN = re.compile(r'"[^"]*"|[()\[\]{}]|[^\s()\[\]{}"]+|\s+')
LONGEST_SOUP = 60
INTERNER_RENEWED = 20_000


def texts(rng: random.Random) -> str:
    """One text to read."""
    kind = rng.randrange(3)
    if kind == 0:
        return " ".join(rng.choices(WORDS, k=rng.randrange(LONGEST_SOUP)))
    seed = rng.choice(SEEDS)
    if kind == 1:
        characters = list(seed)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(characters))
            change = rng.randrange(3)
            if change == 0:
                del characters[at]
            elif change == 1:
                characters.insert(at, rng.choice(rng.choice(WORDS)))
            else:
                characters[at] = rng.choice(rng.choice(WORDS))
            if not characters:
                break
        return "".join(characters)
    tokens = TOKEN.findall(seed)
    for _ in range(rng.randint(1, 3)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        change = rng.randrange(4)
        if change == 0:
            tokens[at] = ""
        elif change == 1:
            tokens[at] += tokens[at]
        elif change == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens[at] = rng.choice(WORDS)
    return "".join(tokens)


def check(text: str, intern: Interner) -> str:
    """How the text was received: "read" or the kind of refusal. Raises on anything else."""
    try:
        symphony = read_symphony(text, name="fuzz", source="fuzz", intern=intern)
    except SymphonyError as error:
        lines = text.count("\n") + 1
        if not (1 <= error.line <= lines and error.column >= 1 and len(str(error)) < 1_000):
            raise AssertionError(f"expected an error that points into {text!r}") from error
        return type(error).__name__
    again = read_symphony(print_symphony(symphony), name="fuzz", intern=intern)
    assert again.root is symphony.root, text
    return "read"


SEEDS = [program(body) for _, body, _ in HOLDS] + [choose(c) for _, c, _ in CONDITIONS]


def main(count: int, seed: int) -> None:
    """Run the campaign and write the report."""
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    intern = Interner()
    begun = time.perf_counter()
    for number in range(count):
        if number % INTERNER_RENEWED == 0:
            intern = Interner()
        text = texts(rng)
        start = time.perf_counter()
        outcomes[check(text, intern)] += 1
        slowest = max(slowest, time.perf_counter() - start)
    taken = time.perf_counter() - begun
    rows = "\n".join(f"| {name} | {n:,} |" for name, n in outcomes.most_common())
    REPORT.write_text(
        f"""# Fuzzing the reader

`python -m tests.symphony.fuzz_reader {count} {seed}` read {count:,} generated texts in
{taken:.0f} s. None ended in anything but a symphony or a `SymphonyError` that points into the
text; every text that was read gave the same graph after printing and reading again. The slowest
took {slowest * 1e3:.0f} ms.

| outcome | texts |
|---|---:|
{rows}

| hostile text | outcome | time | memory |
|---|---|---:|---:|
{_hostile()}
""",
        encoding="utf-8",
    )


def _hostile() -> str:
    cases = {
        "100,000 `(`": "(" * 100_000,
        "10 MB of `(`": "(" * 9_999_999,
        "10 MB of `()`": "()" * 4_999_999,
        "10 MB of `[[]]` in a list": "(a " + "[[]]" * 2_400_000 + ")",
        "10 MB in one open string": '"' + "x" * 9_999_000,
        "10 MB of backslashes in a string": '"' + "\\" * 9_999_000,
        "10 MB of blanks": " " * 9_999_999,
        "10 MB of comment signs": ";" * 9_999_999,
        "10 MB of digits": "1" * 9_999_999,
        '10 MB of `(a "`': '(a "' * 2_499_999,
        "11 MB": "x" * 11_000_000,
    }
    rows = []
    for name, text in cases.items():
        start = time.perf_counter()
        outcome = check(text, Interner())
        taken = time.perf_counter() - start
        tracemalloc.start()
        check(text, Interner())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        rows.append(f"| {name} | {outcome} | {taken:.2f} s | {peak / 1e6:.0f} MB |")
    return "\n".join(rows)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [1_000_000, 1][len(arguments) :]))
