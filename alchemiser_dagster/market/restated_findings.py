"""What has changed about the past, as findings of the check `restated`.

=================================  ========================================================
the past is scaled                 as the corporate actions explain: no finding
                                   for no known reason: error
                                   and the feed of actions failed: error, nobody can judge it
                                   and the source has no such feed: warning
single bars were corrected         warning
too few sessions to compare        warning
the feed of actions failed         warning, of no symbol
=================================  ========================================================
"""

from typing import Any

import polars as pl

from alchemiser_dagster.market.findings_table import as_findings, counted
from alchemiser_dagster.market.restatements import restatements, short_overlaps

CHECK = "restated"
SEVERITY = {"unexplained": "error", "correction": "warning", "adjustment": "warning"}
"""By kind of restatement; of the others there is nothing to say."""
AGAIN = "take the bars again, `alchemiser bars` does"


def restated_findings(
    before: pl.DataFrame,
    bars: pl.DataFrame,
    actions: pl.DataFrame | None,
    feed_failure: str | None,
) -> pl.DataFrame:
    """What `bars` say differently from `before` that somebody should know.

    `actions` are None where they are not known: because the source has no feed of them, or for the
    reason `feed_failure`.
    """
    short = short_overlaps(before, bars)
    found = restatements(before.join(short, on="symbol", how="anti"), bars, actions)
    severity = dict(SEVERITY) if feed_failure is None else SEVERITY | {"adjustment": "error"}

    def says(row: dict[str, Any]) -> str:
        if row["kind"] == "unexplained":
            return (
                f"{row['says']}; its books wait until an action explains it, or until it is "
                "accepted in symbols.toml"
            )
        if row["kind"] == "adjustment" and feed_failure is not None:
            return (
                f"{row['says']}, which cannot be judged, because the feed of corporate actions "
                f"failed: {AGAIN}"
            )
        return str(row["says"])

    told = found.filter(pl.col("kind").is_in(list(severity))).with_columns(
        severity=pl.col("kind").replace_strict(severity)
    )
    return pl.concat(
        [
            as_findings(CHECK, told, says, date="last"),
            as_findings(
                CHECK,
                short,
                lambda row: (
                    f"{row['symbol']}: only {counted(row['shared'], 'session')} in common with the "
                    f"snapshot before, too few to compare"
                ),
                severity="warning",
            ),
        ]
    )


def failed_feed(why: str | None) -> pl.DataFrame:
    """That the feed of corporate actions failed, which is no symbol's fault; None: it did not."""
    failures = pl.DataFrame({"symbol": [] if why is None else [None]}, schema={"symbol": pl.String})
    return as_findings(CHECK, failures, lambda _: f"{why}; {AGAIN}", severity="warning")
