"""Reading: what is refused, and where the message points."""

from __future__ import annotations

import pytest

from alchemiser_dagster.symphony import (
    SymphonyError,
    SymphonySyntaxError,
    UnknownOperatorError,
    read_symphony,
)
from alchemiser_dagster.symphony.reader import Form, Kind, SourceText, read

BODY = '(weight-equal [(asset "SPY")])'


class Forms:
    """Leaves every bracket as it stands."""

    def close(self, kind: Kind, offset: int, items: tuple[Form, ...]) -> Form:
        return Form(kind, offset, "", items)

    def known_call(self, text: str, offset: int) -> None:
        return None


def error(text: str) -> SymphonyError:
    with pytest.raises(SymphonyError) as caught:
        read_symphony(text, name="t", source="nuclear.clj")
    return caught.value


def test_the_message_shows_the_line_and_a_caret() -> None:
    text = '(defsymphony "x" {}\n  (weight-equal [(frobnicate "SPY")]))'
    assert str(error(text)) == (
        "nuclear.clj:2:19: expected an operator of the language, was the unknown operator "
        "frobnicate\n"
        '  (weight-equal [(frobnicate "SPY")]))\n'
        "                  ^"
    )
    assert isinstance(error(text), UnknownOperatorError)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("((", 1, 2, "missing"),
        ("(a\n]", 2, 1, "to close the '('"),
        (")", 1, 1, "stray"),
        ('(a "b', 1, 4, "unterminated"),
        ("(a\n #b)", 2, 2, "unexpected character '#'"),
        ("[a] [b]", 1, 5, "one top-level form"),
        ("(a {:b})", 1, 4, "a value for each key"),
        ("(a 1e999999999)", 1, 4, "a number"),
        ("", 1, 1, "empty"),
        ("(" * 100_000, 1, 301, "at most 300 nested"),
        ("(a " + "x" * 10_000_000 + ")", 1, 1, "10,000,000 bytes"),
    ],
)
def test_refused(text: str, line: int, column: int, words: str) -> None:
    found = error(text)
    assert isinstance(found, SymphonySyntaxError)
    assert (found.line, found.column) == (line, column)
    assert words in found.message
    assert len(str(found)) < 500


def test_300_brackets_are_not_too_deep() -> None:
    deepest = '(defsymphony "x" {} ' + "(weight-equal " * 298 + '(asset "SPY")' + ")" * 299
    assert read_symphony(deepest, name="t").held
    vectors = '(defsymphony "x" {} (weight-equal ' + "[" * 297 + '(asset "SPY")' + "]" * 297 + "))"
    assert read_symphony(vectors, name="t").held
    with pytest.raises(SymphonySyntaxError, match="at most 300"):
        read_symphony(deepest.replace("{}", "{} (group", 1), name="t")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("-1.50", Kind.NUMBER, "-1.50"),
        (".5", Kind.NUMBER, ".5"),
        ("+5", Kind.NUMBER, "+5"),
        ("1e3", Kind.NUMBER, "1e3"),
        ("BRK/B", Kind.SYMBOL, "BRK/B"),
        (":a-b", Kind.KEYWORD, "a-b"),
        ('" SPY "', Kind.STRING, "SPY"),
        (r'"a \"b\" \\ \n \q"', Kind.STRING, 'a "b" \\ \n \\q'),
    ],
)
def test_atoms(text: str, kind: Kind, value: str) -> None:
    form = read(SourceText(text, "t"), Forms())
    assert (form.kind, form.text) == (kind, value)


def test_places_and_symbols() -> None:
    symphony = read_symphony(
        '(defsymphony "x" {}\n (if (> (rsi "SPY" {:window 10}) 70)\n  [(asset "BIL")]\n'
        '  [(filter (rsi 5) (select-top 1) [(asset "QQQ") (asset "TLT")])]))',
        name="t",
        source="t.clj",
    )
    assert symphony.symbols == ("BIL", "QQQ", "SPY", "TLT")
    assert {k: tuple(v) for k, v in symphony.held.items()}["BIL"] == (3, 4)
    assert set(symphony.referenced) == {"SPY", "QQQ", "TLT"}
    assert symphony.operators >= {"if", ">", "rsi", "asset", "filter", "select-top"}
    assert symphony.lookback == 250 + 20 * 10


def test_equal_parts_are_one_node_across_texts() -> None:
    first = read_symphony(f'(defsymphony "x" {{}} (group "A" [{BODY}]))', name="a")
    second = read_symphony(f'(defsymphony "y" {{}}\n {BODY})', name="b")
    assert first.root is second.root
    assert first.fingerprint == second.fingerprint
    weekly = read_symphony(f'(defsymphony "y" {{:rebalance-frequency :weekly}} {BODY})', name="b")
    assert weekly.fingerprint != first.fingerprint
