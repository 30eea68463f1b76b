"""The language, one small program at a time: what each means on the last session of MARKET."""

from __future__ import annotations

import pytest

from alchemiser_dagster.symphony import SignalUnavailable, SymphonyError, read_symphony
from tests.symphony.market import choose, program, run, weights

UP, FLAT = {"UP": 1.0}, {"FLAT": 1.0}
RSI = "(rsi {:window 10})"
GROUP_V = '(group "V" [(weight-equal [V])])'
GROUP_W = '(group "W" [(weight-equal [W])])'
GROUP_UP = '(group "V" [(weight-equal [UP])])'

HOLDS = [
    # weights
    (1, "(weight-equal [UP DOWN])", {"UP": 0.5, "DOWN": 0.5}),
    (2, "(weight-equal [UP UP DOWN])", {"UP": 2 / 3, "DOWN": 1 / 3}),
    (3, "(weight-equal [UP (weight-equal [DOWN FLAT])])", {"UP": 0.5, "DOWN": 0.25, "FLAT": 0.25}),
    (
        4,
        f"(weight-equal [FLAT (filter {RSI} (select-top 2) [UP DOWN ALT])])",
        {"FLAT": 0.5, "UP": 0.25, "ALT": 0.25},
    ),
    (
        5,
        "(weight-equal [FLAT (if (> 2 1) [UP DOWN] [ALT])])",
        {"FLAT": 0.5, "UP": 0.25, "DOWN": 0.25},
    ),
    (
        6,
        '(weight-equal [FLAT (group "G" [(weight-equal [UP DOWN])])])',
        {"FLAT": 0.5, "UP": 0.25, "DOWN": 0.25},
    ),
    (7, '(weight-equal [FLAT (group "G" [UP DOWN])])', {"FLAT": 0.5, "UP": 0.25, "DOWN": 0.25}),
    (9, "(weight-specified 0.6 UP 0.4 DOWN)", {"UP": 0.6, "DOWN": 0.4}),
    (12, '(weight-specified "75%" UP "25%" DOWN)', {"UP": 0.75, "DOWN": 0.25}),
    (13, '(weight-specified "0.75" UP "0.25" DOWN)', {"UP": 0.75, "DOWN": 0.25}),
    (14, "(weight-specified 60 UP 40 DOWN)", {"UP": 0.6, "DOWN": 0.4}),
    (15, "(weight-specified 1 UP 0 DOWN)", UP),
    (18, "(weight-specified 0.5 UP 0.3 DOWN 0.2 UP)", {"UP": 0.7, "DOWN": 0.3}),
    (
        20,
        "(weight-specified 0.5 (if (> 2 1) [UP DOWN] [ALT]) 0.5 FLAT)",
        {"UP": 0.25, "DOWN": 0.25, "FLAT": 0.5},
    ),
    (
        22,
        "(weight-inverse-volatility 10 [LOW MID HI])",
        {"LOW": 0.900902, "MID": 0.09009, "HI": 0.009008},
    ),
    (23, "(weight-inverse-volatility 10 [FLAT MID HI])", {"MID": 0.909099, "HI": 0.090901}),
    (
        25,
        '(weight-inverse-volatility 10 [(asset "NEW5") MID HI])',
        {"MID": 0.909099, "HI": 0.090901},
    ),
    (
        26,
        '(weight-inverse-volatility 10 [(asset "NEW10") MID HI])',
        {"MID": 0.909099, "HI": 0.090901},
    ),
    (
        27,
        '(weight-inverse-volatility 10 [(asset "NOPE") MID HI])',
        {"MID": 0.909099, "HI": 0.090901},
    ),
    (
        28,
        '(weight-inverse-volatility 10 [(group "A" [(weight-equal [LOW HI])])'
        ' (group "B" [(weight-equal [MID])])])',
        {"LOW": 0.082638, "HI": 0.082638, "MID": 0.834724},
    ),
    (
        29,
        '(weight-inverse-volatility 10 [(group "A" [(weight-equal [LOW HI])]) MID])',
        {"LOW": 0.082638, "HI": 0.082638, "MID": 0.834724},
    ),
    (30, "(weight-inverse-volatility {:window 10} [MID HI])", {"MID": 0.909099, "HI": 0.090901}),
    # conditions
    (34, "(weight-equal [(if (> 2 1) [UP])])", UP),
    (35, "(weight-equal [(if (> 2 1) UP DOWN)])", UP),
    # assets need no data to be held
    (69, '(weight-equal [(asset "NOPE") UP])', {"NOPE": 0.5, "UP": 0.5}),
    # filters over assets
    (73, f"(weight-equal [(filter {RSI} (select-top 1) [A2 A1])])", {"A1": 1.0}),
    (
        74,
        "(weight-equal [(filter (cumulative-return {:window 10}) (select-bottom 1) [A2 A1])])",
        {"A1": 1.0},
    ),
    (
        75,
        f"(weight-equal [(filter {RSI} (select-bottom 2) [DOWN UP DOWN FLAT])])",
        {"DOWN": 0.5, "FLAT": 0.5},
    ),
    (76, f"(weight-equal [(filter {RSI} (select-top 9) [UP DOWN])])", {"UP": 0.5, "DOWN": 0.5}),
    (81, f'(weight-equal [(filter {RSI} (select-top 1) [UP (asset "NOPE")])])', UP),
    (
        82,
        "(weight-equal [(filter (moving-average-price {:window 10}) (select-bottom 1)"
        ' [(asset "NEW5") UP])])',
        UP,
    ),
    (
        83,
        "(weight-equal [(filter (cumulative-return {:window 10}) (select-top 1)"
        ' [(asset "NEW5") DOWN])])',
        {"DOWN": 1.0},
    ),
    (84, f'(weight-equal [(filter {RSI} (select-bottom 1) [(asset "NEW9") UP])])', UP),
    (
        85,
        "(weight-equal [(filter (moving-average-return {:window 10}) (select-top 1)"
        ' [(asset "NEW10") DOWN])])',
        {"DOWN": 1.0},
    ),
    (
        86,
        "(weight-equal [(filter (moving-average-return {:window 10}) (select-top 1)"
        ' [(asset "NEW9") DOWN])])',
        {"DOWN": 1.0},
    ),
    (
        87,
        "(weight-equal [FLAT (filter (current-price) (select-top 1) [UP DOWN])])",
        {"FLAT": 0.5, "DOWN": 0.5},
    ),
    (88, "(weight-equal [(filter (stdev-price {:window 10}) (select-top 1) [UP FLAT])])", UP),
    (89, "(weight-equal [(filter (rsi 10) (select-bottom 1) [UP DOWN])])", {"DOWN": 1.0}),
    (
        90,
        "(weight-equal [FLAT (filter (cumulative-return 10) (select-bottom 1) [UP DOWN])])",
        {"FLAT": 0.5, "DOWN": 0.5},
    ),
    (92, f'(weight-equal [(filter {RSI} (select-top 1) [(asset "BRK/B") DOWN])])', {"BRK/B": 1.0}),
    # filters over portfolios
    (
        93,
        f"(weight-equal [(filter {RSI} (select-bottom 1)"
        f" [(filter {RSI} (select-top 1) [UP DOWN]) ALT])])",
        {"ALT": 1.0},
    ),
    (94, f"(weight-equal [(filter {RSI} (select-top 1) [(if (> 2 1) [UP] [DOWN]) ALT])])", UP),
    (
        95,
        f"(weight-equal [(filter {RSI} (select-bottom 1) [(if (> 2 1) [UP DOWN] [FLAT]) ALT])])",
        {"ALT": 1.0},
    ),
    (
        96,
        f"(weight-equal [(filter {RSI} (select-bottom 1)"
        " [(weight-equal [UP DOWN]) (weight-equal [ALT])])])",
        {"ALT": 1.0},
    ),
    (
        97,
        "(weight-equal [(filter (cumulative-return {:window 5}) (select-top 1)"
        f" [{GROUP_V} {GROUP_W}])])",
        {"W": 1.0},
    ),
    (
        98,
        "(weight-equal [(filter (max-drawdown {:window 5}) (select-top 1)"
        f" [{GROUP_V} {GROUP_W}])])",
        {"V": 1.0},
    ),
    (99, "(weight-equal [(filter (max-drawdown {:window 5}) (select-top 1) [V W])])", {"V": 1.0}),
    (
        101,
        "(weight-equal [(filter (cumulative-return {:window 60}) (select-top 1)"
        f" [{GROUP_UP} {GROUP_W}])])",
        UP,
    ),
    # tickers and text
    (103, f'(weight-equal [(filter {RSI} (select-top 1) [(asset "BRK.B") DOWN])])', {"BRK/B": 1.0}),
    (104, f'(weight-equal [(filter {RSI} (select-top 1) [(asset "up") DOWN])])', UP),
    (105, '(weight-equal [(asset "up") UP])', UP),
    (106, '(weight-equal [(asset "EQUITIES::UP//USD")])', UP),
    (109, '(weight-equal [(asset " UP ")])', UP),
    (111, '(weight-equal [(asset "UP" nil)])', UP),
    (116, "UP", UP),
    (130, r'(weight-equal [(group "a \"b\" c" [(weight-equal [UP])])])', UP),
    (131, '(weight-equal [(group "𝓩𝓪𝓶 | é" [(weight-equal [UP])])])', UP),
    (132, '(weight-equal [(group "a;b" [(weight-equal [UP])])])', UP),
]

CONDITIONS = [
    (39, "(and (> 2 1) (> 3 2))", UP),
    (40, "(or (> 2 1) (> 3 2))", UP),
    (45, '(< (cumulative-return "DOWN" {:window 10}) -1)', UP),
    (46, '(> (stdev-return "MID" {:window 10}) 2)', FLAT),
    (47, '(= (max-drawdown "V" {:window 5}) 20)', FLAT),
    (48, '(= (max-drawdown "V" {:window 2}) 0)', UP),
    (49, '(>= (rsi "UP" {:window 10}) 100)', UP),
    (50, '(<= (rsi "DOWN" {:window 10}) 0)', UP),
    (51, '(= (rsi "FLAT" {:window 10}) 50)', UP),
    (54, '(= (rsi "ALT" 2) (rsi "ALT" {:window 14}))', FLAT),
    (56, '(> (moving-average-price "UP" 10) 1)', UP),
    (57, '(= (moving-average-price "NEW10" {:window 10}) 14.5)', UP),
    (59, '(> (exponential-moving-average-price "NEW10" {:window 10}) 1)', UP),
    (61, '(= (cumulative-return "NEW11" {:window 10}) 100)', UP),
    (65, '(= (cumulative-return "NEW11" {:window "10"}) 100)', UP),
    (71, '(> (percentage-price-oscillator "UP" {:short-window 12 :long-window 26}) 0)', UP),
    (
        72,
        '(> ((unimplemented :percentage-price-oscillator) "UP"'
        " {:short-window 12 :long-window 26}) 0)",
        UP,
    ),
    (107, '(> (rsi "EQUITIES::UP//USD" {:window 10}) 1)', UP),
    (127, "(> .5 0)", UP),
    (128, "(> 1e3 5)", UP),
    (129, "(> +5 0)", UP),
    ("5.", "(> 5. 0)", UP),
    ("-0", "(= -0 0)", UP),
    ("map first", '(> (rsi {:window 10} "UP") 99)', UP),
]

INVALID_BODIES = [
    (8, "(weight-equal [])"),
    (10, "(weight-specified 0.3 UP 0.2 DOWN)"),
    (11, "(weight-equal [FLAT (weight-specified 1.5 UP 0.5 DOWN)])"),
    (16, "(weight-specified 1.5 UP -0.5 DOWN)"),
    (17, "(weight-specified 0.5 UP 0.5)"),
    (19, "(weight-specified [0.5 UP 0.5 DOWN])"),
    (21, "(weight-specified 0.5 (if (> 1 2) [UP] []) 0.5 FLAT)"),
    (31, "(weight-equal [(if (> 1 2) [UP] [])])"),
    (32, "(weight-equal [FLAT (if (> 1 2) [UP] [])])"),
    (36, "(weight-equal [(if false [UP] [DOWN])])"),
    (37, "(weight-equal [(if 0 [UP] [DOWN])])"),
    (38, "(weight-equal [(if (> 2 1) [UP] [(frobnicate 1)])])"),
    (77, f"(weight-equal [FLAT (filter {RSI} (select-top 0) [UP DOWN])])"),
    (78, f"(weight-equal [(filter {RSI} (select-top -1) [UP DOWN])])"),
    (79, f"(weight-equal [(filter {RSI} (select-top 1.7) [UP DOWN])])"),
    (80, f"(weight-equal [(filter {RSI} [UP DOWN])])"),
    (91, "(weight-equal [(filter (rsi) (select-bottom 1) [UP DOWN])])"),
    (
        100,
        "(weight-equal [FLAT (filter (max-drawdown {:window 5}) (select-top 0)"
        f" [{GROUP_V} {GROUP_W}])])",
    ),
    (
        102,
        "(weight-equal [(filter (stdev-price {:window 5}) (select-top 1)"
        f" [{GROUP_V} {GROUP_W}])])",
    ),
    (108, "(weight-equal [(asset UP)])"),
    (110, "(weight-equal [(asset)])"),
    (117, "[UP]"),
    (133, "(weight-market-cap [UP])"),
    ("two in a vector", "[UP DOWN]"),
    ("group without a body", '(weight-equal [(group "x")])'),
    ("index", '(asset "^VIX")'),
    ("crypto", '(asset "CRYPTO::BTC//USD")'),
    ("vector is no call", '(weight-equal [(if (> [rsi "UP" {:window 10}] 1) [UP] [DOWN])])'),
]

INVALID_CONDITIONS = [
    (41, "(not (> 2 1))"),
    (42, "(> 3 2 1)"),
    (43, '(> "abc" -1)'),
    (44, '(= "1" 1)'),
    (55, '(= (rsi "ALT") (rsi "ALT" {:window 14}))'),
    (63, '(> (rsi "UP" {:window 0}) 1)'),
    (64, '(= (cumulative-return "NEW11" {:window 10.9}) 100)'),
    (66, '(> (cumulative-return "UP" {:wndow 10}) 0)'),
    (67, '(> (cumulative-return "UP" {}) 0)'),
    ("!=", "(!= 1 2)"),
    ("ma", '(> (ma "UP" {:window 3}) 1)'),
    ("negative window", '(> (cumulative-return "UP" {:window -5}) 1)'),
    ("PPO", '(> (percentage-price-oscillator "UP" {:short-window 26 :long-window 12}) 0)'),
]

INVALID_TEXTS = [
    (112, '(defsymphony "x" (weight-equal [(asset "UP")]))'),
    (113, '(weight-equal [(asset "UP")])'),
    (114, '(defsymphony "x" {} (weight-equal [(asset "UP")]) (weight-equal [(asset "DOWN")]))'),
    (115, '(defsymphony "x" {:rebalance-frequency :hourly :foo 1} (weight-equal [(asset "UP")]))'),
    (118, '(defsymphony "x" {} (weight-equal [(asset "UP")])) (foo)'),
    (119, "   ; only a comment"),
    (120, '(defsymphony "x" {} (weight-equal [(asset "UP")])'),
    (121, '(defsymphony "x" {} (weight-equal [(asset "UP")))'),
    (122, '(defsymphony "x" {:a} (weight-equal [(asset "UP")]))'),
    (123, '(defsymphony "x {} (weight-equal [(asset UP)]))'),
    (124, '(defsymphony "x" {} (weight-equal [(asset UP%)]))'),
    (134, "(weight-equal [" * 160 + '(asset "UP")' + "])" * 160),
]

NO_SIGNAL = [
    (24, program("(weight-inverse-volatility 10 [FLAT])"), "prices have not moved"),
    (33, program("(weight-equal [(if (> 1 2) [UP])])"), "no else"),
    (52, choose('(= (rsi "NEW9" {:window 10}) 50)'), "NEW9 has 9, 2 bars short"),
    (53, choose('(>= (rsi "NEW10" {:window 10}) 100)'), "NEW10 has 10, 1 bar short"),
    (58, choose('(> (moving-average-price "NEW9" {:window 10}) 1)'), "1 bar short"),
    (60, choose('(= (cumulative-return "NEW10" {:window 10}) 0)'), "1 bar short"),
    (62, choose('(> (moving-average-return "NEW10" {:window 10}) -1)'), "1 bar short"),
    (68, choose('(> (rsi "NOPE" {:window 10}) 50)'), "NOPE has no bars"),
    (70, choose('(> (current-price "GAP") 66)'), "3 sessions old"),
]


@pytest.mark.parametrize(("case", "body", "expected"), HOLDS, ids=[str(c[0]) for c in HOLDS])
def test_weights(case: object, body: str, expected: dict[str, float]) -> None:
    assert weights(program(body)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("case", "predicate", "expected"), CONDITIONS, ids=[str(c[0]) for c in CONDITIONS]
)
def test_conditions(case: object, predicate: str, expected: dict[str, float]) -> None:
    assert weights(choose(predicate)) == expected


@pytest.mark.parametrize(
    ("case", "text"),
    [(c, program(body)) for c, body in INVALID_BODIES]
    + [(c, choose(predicate)) for c, predicate in INVALID_CONDITIONS]
    + INVALID_TEXTS,
    ids=lambda value: str(value)[:24],
)
def test_refused_when_read(case: object, text: str) -> None:
    with pytest.raises(SymphonyError) as caught:
        read_symphony(text, name="t", source="t.clj")
    assert str(caught.value).startswith(f"t.clj:{caught.value.line}:{caught.value.column}: ")


@pytest.mark.parametrize(
    ("case", "text", "why"), NO_SIGNAL, ids=[str(case[0]) for case in NO_SIGNAL]
)
def test_no_signal(case: object, text: str, why: str) -> None:
    evaluation = run(text)
    with pytest.raises(SignalUnavailable, match=r"t\.clj:1:\d+: .*" + why):
        evaluation.at(evaluation.sessions[-1])


def test_comments_and_commas_are_blanks() -> None:  # 125, 126
    text = '(defsymphony, "x", {}, (weight-equal, [(asset "UP"),, (asset "DOWN")]))'
    assert weights(text) == {"UP": 0.5, "DOWN": 0.5}
    assert weights('(defsymphony "x" {} ; hi ) "\n (weight-equal [(asset "UP")]))') == UP


def test_weights_beside_their_assets() -> None:
    both = {"UP": 0.6, "DOWN": 0.4}
    assert weights(program('(weight-specified (asset "UP" 0.6) (asset "DOWN" 0.4))')) == both
    assert weights(program('(weight-specified [(asset "UP" 60) (asset "DOWN" 40)])')) == both


def test_symbols_without_bars_are_warned_about() -> None:  # 27, 69, 81
    assert run(program('(weight-equal [(asset "NOPE") UP])')).warnings == ("NOPE has no bars",)


def test_a_part_that_decides_alone_is_enough() -> None:
    undefined = '(> (rsi "NOPE" {:window 10}) 50)'
    assert weights(choose(f"(or (> 2 1) {undefined})")) == UP
    assert weights(choose(f"(and (> 1 2) {undefined})")) == FLAT
    with pytest.raises(SignalUnavailable):
        weights(choose(f"(and (> 2 1) {undefined})"))
