"""Which past signals a restatement would have changed."""

from datetime import date

import polars as pl

from alchemiser_dagster.market.restated_signals import changed_signals
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.symphony import read_symphony

SESSIONS = sessions_between(date(2026, 1, 12), date(2026, 1, 16))
BILLS_OR_SHARES = read_symphony(
    """(defsymphony "Bills or shares" {:asset-class "EQUITIES"}
  (weight-equal [(if (> (cumulative-return "SPY" {:window 1}) (cumulative-return "BIL" {:window 1}))
    [(asset "SPY")] [(asset "BIL")])]))""",
    name="bills_or_shares",
)


def bars(**closes: list[float]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"symbol": symbol, "date": SESSIONS, "adj_close": adjusted})
        for symbol, adjusted in closes.items()
    )


# SPY loses 0.10 % on the last day; BIL goes ex-dividend that day, 0.32 on 91.68
SPY = [600.0, 600.0, 600.0, 600.0, 599.4]
PATCHWORK = [91.60, 91.63, 91.66, 91.68, 91.40]
CONSISTENT = [close * 91.36 / 91.68 for close in PATCHWORK[:-1]] + [91.40]


def test_m9_a_dividend_that_was_not_adjusted_for_turns_a_decision_round() -> None:
    before, now = bars(SPY=SPY, BIL=PATCHWORK), bars(SPY=SPY, BIL=CONSISTENT)
    (changed,) = changed_signals([BILLS_OR_SHARES], before, now, SESSIONS[1])
    assert changed.session == SESSIONS[-1]
    assert changed.before == {"SPY": 1.0}  # -0.10 % beats the -0.31 % of the patchwork
    assert changed.now == {"BIL": 1.0}  # and loses to the true +0.04 %


def test_scaling_the_whole_past_changes_no_signal() -> None:
    before = bars(SPY=SPY, BIL=CONSISTENT)
    now = bars(SPY=[close * 0.9 for close in SPY], BIL=CONSISTENT)
    assert changed_signals([BILLS_OR_SHARES], before, now, SESSIONS[0]) == []


def test_a_signal_that_is_gone_is_a_change() -> None:
    before = bars(SPY=SPY, BIL=CONSISTENT)
    now = before.filter(~((pl.col("symbol") == "BIL") & (pl.col("date") == SESSIONS[3])))
    changed = changed_signals([BILLS_OR_SHARES], before, now, SESSIONS[3])
    assert [(signal.session, signal.now) for signal in changed] == [(SESSIONS[3], None)]


def test_only_the_sessions_asked_for_are_compared() -> None:
    before, now = bars(SPY=SPY, BIL=PATCHWORK), bars(SPY=SPY, BIL=CONSISTENT)
    shorter = before.filter(pl.col("date") < SESSIONS[-1])  # as an evening's before the last
    assert changed_signals([BILLS_OR_SHARES], shorter, now, SESSIONS[0]) == []
    assert changed_signals([BILLS_OR_SHARES], before, now, date(2026, 1, 20)) == []
