"""The tearsheet of one book: what it earned, then what its strategy did on paper."""

from decimal import Decimal
from typing import Any

from alchemiser_dagster.reports.card import Card
from alchemiser_dagster.reports.data import TearsheetData
from alchemiser_dagster.reports.figure import Figure
from alchemiser_dagster.reports.figures.bridge import bridge_figure
from alchemiser_dagster.reports.figures.drawdowns import live_drawdowns, paper_drawdowns
from alchemiser_dagster.reports.figures.equity import live_equity, paper_equity
from alchemiser_dagster.reports.figures.months import month_map
from alchemiser_dagster.reports.figures.rolling import rolling_figures
from alchemiser_dagster.reports.figures.symbols import symbol_figure
from alchemiser_dagster.reports.figures.weights import colours_of, weights_figure
from alchemiser_dagster.reports.holdings import (
    live_weights,
    model_weights_by_month,
    pnl_by_symbol,
)
from alchemiser_dagster.reports.names import ACCOUNT_FILE, INDEX_FILE
from alchemiser_dagster.reports.numbers import MISSING, day, dollars, number, percent
from alchemiser_dagster.reports.page import MADE_UP, Page, Section
from alchemiser_dagster.reports.returns import Returns
from alchemiser_dagster.reports.statistics_table import drawdown_table, statistics_table
from alchemiser_dagster.reports.table import Table
from alchemiser_dagster.reports.trade_tables import (
    closed_lots_table,
    fills_table,
    open_lots_table,
)


def book_page(data: TearsheetData) -> Page:
    """The page of a book. Raises ReturnsError when a return is no fraction."""
    return Page(
        title=data.book,
        subtitle=_subtitle(data),
        sections=[
            Section("Headline", "headline", cards=headline(data)),
            _live(data),
            _figures(data),
            _paper(data),
            Section(
                "Lots and trades",
                "trades",
                blocks=[open_lots_table(data), closed_lots_table(data), fills_table(data)],
            ),
        ],
        warning=MADE_UP if data.is_synthetic else "",
        links=[("Account", ACCOUNT_FILE), ("All pages", INDEX_FILE)],
    )


def headline(data: TearsheetData) -> list[Card]:
    """The figures that stand at the top."""
    last = _last(data)
    if last is None:
        return [Card("NAV", MISSING, "no session is accounted for yet")]
    earned = last["nav"] - last["net_flows"]
    same = data.model.within(set(data.live.sessions))
    # A model that is behind has earned over fewer sessions, and is no measure.
    model = same.total if len(same) == len(data.live) else None
    earned_live = data.live.total  # over the model's sessions, of which some may be unpublished
    apart = None if model is None or earned_live is None else earned_live - model
    orders, won = last["completed_by_order"], last["winning_by_order"]
    return [
        Card("NAV", dollars(last["nav"]), f"of {dollars(last['net_flows'])} put in"),
        Card(
            "Profit or loss",
            dollars(earned, sign=True),
            f"{dollars(last['realized_pnl'], sign=True)} realised",
        ),
        _return("Return since opening", last["time_weighted_return"], "time-weighted"),
        _return("Last session", last["daily_return"], day(last["date"])),
        _return(
            "Drawdown", last["drawdown"] or 0.0,
            f"at worst {percent(data.performance['drawdown'].min())}",  # type: ignore[arg-type]
        ),
        _return(
            "Live less model", apart,
            f"the model {percent(model, sign=True)}"
            + (f", {_count(len(same))}" if data.gaps and model is not None else ""),
        ),
        Card(
            "Trades won",
            percent(won / orders, 0) if orders else MISSING,
            f"{number(won, 0)} of {number(orders, 0)} closed",
        ),
        Card(
            "Cash",
            percent(last["cash"] / last["nav"], 1) if last["nav"] > 0 else MISSING,
            dollars(last["cash"]),
        ),
    ]  # fmt: skip


def _live(data: TearsheetData) -> Section:
    if not len(data.live):
        return Section(
            "Live", "live", intro="The account has no session with a return of this book yet."
        )
    sessions = set(data.live.sessions)
    model, benchmark = data.model.within(sessions), data.benchmark.within(sessions)
    weights = live_weights(data)
    attribution = None if data.attribution is None else bridge_figure(data.attribution)
    return Section(
        "Live",
        "live",
        intro=f"What the account earned with this book: {_count(len(data.live))}."
        + (f" {data.gaps}, and figures and tables are of these." if data.gaps else "")
        + ("" if len(benchmark) else " There are no closes of SPY to compare with."),
        blocks=_there(
            live_equity(data.live, [model, benchmark], data.live_start),
            live_drawdowns(data.live, model, benchmark),
            attribution,
            weights_figure(
                "live-weights",
                "Weights, live",
                "Shares of the net asset value at each close, cash included.",
                weights,
                colours_of(weights),
            ),
            symbol_figure(pnl_by_symbol(data)),
            drawdown_table("Deepest drawdowns, live", data.live),
        ),
    )


def _figures(data: TearsheetData) -> Section:
    sessions = set(data.live.sessions)
    turnover = data.paper.drop_nulls("net").sort("date")["turnover"].to_numpy()
    benchmark = data.benchmark.within(set(data.model.sessions))
    columns = [
        ("live", data.live.figures()),
        ("on paper, the same sessions", data.model.within(sessions).figures()),
        ("SPY, the same sessions", data.benchmark.within(sessions).figures()),
        (_since("on paper", data.model), data.model.figures(turnover)),
        (_since("SPY", benchmark), benchmark.figures()),
    ]
    return Section(
        "Statistics",
        "statistics",
        blocks=_there(
            statistics_table("Live and on paper", columns),
            month_map(data.live, data.model),
            *rolling_figures(data.live, data.model, data.opened),
        ),
    )


def _paper(data: TearsheetData) -> Section:
    if not len(data.model):
        return Section(
            "On paper", "paper", intro="There is no model history: materialise history first."
        )
    weights = model_weights_by_month(data)
    return Section(
        "On paper",
        "paper",
        intro=f"The strategy's own weights on {_prices(data)} prices since "
        f"{day(data.model.sessions[0])}, traded one session after each signal, without costs. "
        "Nobody traded this before the account opened the book.",
        blocks=_there(
            paper_equity(data.model, data.live, data.benchmark, data.opened),
            paper_drawdowns(data.model, data.opened),
            weights_figure(
                "paper-weights",
                "Weights, on paper",
                "The mean share of each symbol over the sessions of a month.",
                weights,
                colours_of(live_weights(data), weights),
            ),
            drawdown_table("Deepest drawdowns, on paper", data.model),
        ),
    )


def _subtitle(data: TearsheetData) -> str:
    parts = [data.title] if data.title != data.book else []
    if data.opened is not None:
        parts.append(f"opened on {day(data.opened)}")
    if len(data.live):
        parts.append(f"{_count(len(data.live))} live")
    if data.gaps:
        parts.append(data.gaps)
    if len(data.model):
        parts.append(f"on paper since {day(data.model.sessions[0])}")
    if data.last_session is not None:
        parts.append(f"as of the close of {day(data.last_session)}")
    return " · ".join(parts)


def _since(name: str, returns: Returns) -> str:
    return f"{name}, since {day(returns.sessions[0])}" if len(returns) else name


def _prices(data: TearsheetData) -> str:
    return "made-up" if data.is_synthetic else "past"


def _count(sessions: int) -> str:
    return f"{sessions:,} session{'' if sessions == 1 else 's'}"


def _last(data: TearsheetData) -> dict[str, Any] | None:
    rows = data.performance.sort("date")
    return rows.row(-1, named=True) if rows.height else None


def _return(label: str, fraction: Decimal | float | None, note: str) -> Card:
    return Card(label, percent(fraction, sign=True), note)


def _there(*blocks: Figure | Table | None) -> list[Figure | Table]:
    return [block for block in blocks if block is not None]
