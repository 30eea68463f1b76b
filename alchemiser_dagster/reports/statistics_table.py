"""Tables of statistics: several series side by side, and their deepest drawdowns."""

from collections.abc import Callable, Sequence

from alchemiser_dagster.history.drawdowns import drawdowns
from alchemiser_dagster.history.statistics import (
    ANNUAL_SESSIONS,
    RATIO_SESSIONS,
    Statistics,
)
from alchemiser_dagster.reports.numbers import MISSING, day, number
from alchemiser_dagster.reports.returns import Returns
from alchemiser_dagster.reports.table import (
    Cell,
    Table,
    number_columns,
    ratio,
    returned,
    share,
    text_columns,
)

WORST = 10
_ROWS: Sequence[tuple[str, Callable[[Statistics], Cell]]] = (
    ("sessions", lambda s: Cell(number(s.sessions, 0))),
    ("return", lambda s: returned(s.total_return)),
    ("return a year (CAGR)", lambda s: returned(s.cagr)),
    ("volatility a year", lambda s: share(s.volatility)),
    ("Sharpe ratio", lambda s: ratio(s.sharpe)),
    ("Sortino ratio", lambda s: ratio(s.sortino)),
    ("Calmar ratio", lambda s: ratio(s.calmar)),
    ("deepest drawdown", lambda s: returned(-s.max_drawdown)),
    ("best session", lambda s: returned(s.best_session)),
    ("worst session", lambda s: returned(s.worst_session)),
    ("sessions that rose", lambda s: share(s.win_rate)),
    ("sessions in the market", lambda s: share(s.time_in_market)),
    ("turnover a year", lambda s: ratio(s.turnover_a_year)),
)


def statistics_table(heading: str, columns: Sequence[tuple[str, Statistics | None]]) -> Table:
    """A column for each named set of figures; those that are None have none."""
    shown = [(name, figures) for name, figures in columns if figures is not None]
    rows = [[Cell(label), *(cell(figures) for _, figures in shown)] for label, cell in _ROWS]
    return Table(
        heading=heading,
        columns=[*text_columns("figure"), *number_columns(*(name for name, _ in shown))],
        rows=rows if shown else [],
        empty="No session has a return yet.",
        note=f"{MISSING}: undefined, or too few sessions to say anything: ratios need "
        f"{RATIO_SESSIONS}, figures for a year {ANNUAL_SESSIONS}. Risk-free rate 0, 252 sessions a "
        "year, sample standard deviation. Sessions that rose: of those that moved.",
    )


def drawdown_table(heading: str, returns: Returns) -> Table:
    """The deepest drawdowns of a series."""
    found = drawdowns(returns.sessions, returns.values, WORST) if len(returns) else []
    return Table(
        heading=heading,
        columns=[
            *text_columns("high"),
            *text_columns("lowest", "recovered"),
            *number_columns("depth", "sessions"),
        ],
        rows=[
            [
                Cell(day(fall.high) if fall.high else "the start"),
                Cell(day(fall.trough)),
                Cell(day(fall.recovered) if fall.recovered else "not yet"),
                returned(-fall.depth),
                Cell(number(fall.length, 0)),
            ]
            for fall in found
        ],
        empty="It has never been below its high.",
        note=f"The {WORST} deepest. From the close of the high to the close that reached it again.",
    )
