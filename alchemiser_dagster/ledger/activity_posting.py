"""Posting the broker's account activities: each once, by its id, so that the books sum to it.

    deposits, withdrawals, dividends, fees, interest   cash         income_posting
    splits                                             lots         split_posting
    executions of orders that are not ours             both         manual_trades
    executions taken back                              both         bust_posting
    anything else                                      cash         to `unallocated`, with a warning

The row of the table `activities` is written in the same transaction as what it says was posted, so
an activity that has its row is done, and is passed over from then on. Executions of our own orders
are not posted here (`posting.post_executions`) and get no row.

Everything counts to the session that is being opened, never to an earlier one, whatever the day
that the broker dates it: what was published of earlier sessions stays true.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from types import MappingProxyType

from sqlalchemy import Connection, func, insert, select

from alchemiser_dagster.ledger.account_activity import (
    FILL,
    AccountActivity,
    Postponed,
    Treatment,
    not_understood,
)
from alchemiser_dagster.ledger.bust_posting import post_bust
from alchemiser_dagster.ledger.income_posting import (
    DEPOSITS,
    FEES,
    is_dividend,
    is_interest,
    post_deposit,
    post_dividend,
    post_fee,
    post_interest,
)
from alchemiser_dagster.ledger.manual_trades import post_manual_trade
from alchemiser_dagster.ledger.recorded_shares import Shares, post_as_recorded
from alchemiser_dagster.ledger.schema import activities, executions, sessions
from alchemiser_dagster.ledger.split_posting import post_split
from alchemiser_dagster.ledger.store import Ledger

SPLIT = "SPLIT"
NOT_POSTED: Shares = MappingProxyType({})
"""No other ledger has posted anything."""


@dataclass(frozen=True)
class PostedActivity:
    """What was done about one activity; `warns`: somebody should look at it."""

    activity: AccountActivity
    treatment: str
    warns: bool

    @property
    def waits(self) -> bool:
        """Whether it is not posted yet, because another activity has to come first."""
        return self.treatment.startswith("postponed")

    def __str__(self) -> str:
        return f"{self.activity}: {self.treatment}" + (" (to be looked at)" if self.warns else "")


def post_activities(
    ledger: Ledger,
    reported: Iterable[AccountActivity],
    *,
    session: date,
    at: datetime,
    recorded: Shares = NOT_POSTED,
) -> list[PostedActivity]:
    """Post the activities that are not in the books yet, oldest first, under `session`.

    `at` is the time now; `recorded` are the shares of those that another ledger has posted. Of
    executions only those of orders that are not ours may be among them;
    one that is in the table `executions` already is passed over. Returns what was done about those
    that were new. Those that have to wait for another one are left for the next time, with a
    warning.
    """
    found = {activity.activity_id: activity for activity in reported}
    with ledger.read() as connection:
        new = [found[activity_id] for activity_id in found.keys() - _known(connection, found)]
    done = []
    for lines in _in_order(new):
        try:
            with ledger.write() as connection:
                if _known(connection, [line.activity_id for line in lines]):
                    continue  # somebody else was faster
                treatment = _post(connection, lines, session, recorded)
                _record(connection, lines, session, treatment, at)
        except Postponed as reason:
            treatment = Treatment(f"postponed: {reason}", warns=True)
        done += [PostedActivity(line, treatment.text, treatment.warns) for line in lines]
    return done


def posted_until(connection: Connection) -> date | None:
    """A day up to which all activities are posted that the broker had listed by then.

    The last one of an activity, or of a session that was completed, before which its activities
    were posted. None before either.
    """
    days = [
        connection.execute(select(func.max(activities.c.dated))).scalar(),
        connection.execute(
            select(func.max(sessions.c.session)).where(sessions.c.state == "complete")
        ).scalar(),
    ]
    return max((day for day in days if day is not None), default=None)


def _known(connection: Connection, ids: Iterable[str]) -> set[str]:
    wanted = list(ids)
    known: set[str] = set()
    for column in (activities.c.activity_id, executions.c.execution_id):
        known.update(connection.execute(select(column).where(column.in_(wanted))).scalars())
    return known


def _in_order(new: Iterable[AccountActivity]) -> Iterator[list[AccountActivity]]:
    """The activities in the order they happened, those together that are one event.

    A split takes effect before its day's trading. What has only a day (fees, busts) comes after the
    trades of that day.
    """

    def when(activity: AccountActivity) -> tuple[date, int, str, datetime, str]:
        rank = {SPLIT: 0, FILL: 1}.get(activity.kind, 2)
        symbol = activity.symbol or "" if activity.kind == SPLIT else ""
        return activity.dated, rank, symbol, activity.at, activity.activity_id

    def event(activity: AccountActivity) -> tuple[str, ...]:
        if activity.kind == SPLIT:
            return SPLIT, str(activity.dated), activity.symbol or ""
        return (activity.activity_id,)

    for _, lines in groupby(sorted(new, key=when), key=event):
        yield list(lines)


def _post(
    connection: Connection, lines: Sequence[AccountActivity], session: date, recorded: Shares
) -> Treatment:
    activity = lines[0]
    if activity.activity_id in recorded:
        return post_as_recorded(connection, activity, *recorded[activity.activity_id])
    if activity.kind == SPLIT:
        return post_split(connection, lines, session)
    if activity.kind == FILL:
        return post_manual_trade(connection, activity, session)
    if not activity.amount and not activity.quantity:
        return Treatment("nothing to post: it moves neither cash nor shares")
    if activity.amount and (post := _poster_of_cash(activity.kind)) is not None:
        return post(connection, activity, session)
    if activity.undoes is not None:
        return post_bust(connection, activity, session)
    return not_understood(connection, activity, session, f"activities {activity.kind}")


def _poster_of_cash(
    kind: str,
) -> Callable[[Connection, AccountActivity, date], Treatment] | None:
    if kind in DEPOSITS:
        return post_deposit
    if kind in FEES:
        return post_fee
    if is_dividend(kind):
        return post_dividend
    return post_interest if is_interest(kind) else None


def _record(
    connection: Connection,
    lines: Sequence[AccountActivity],
    session: date,
    treatment: Treatment,
    at: datetime,
) -> None:
    connection.execute(
        insert(activities),
        [
            {
                "activity_id": line.activity_id,
                "kind": line.kind,
                "session": session,
                "symbol": line.symbol,
                "quantity": line.quantity,
                "price": line.price,
                "amount": line.amount,
                "dated": line.dated,
                "description": line.description,
                "treatment": treatment.text,
                "posted_at": at,
            }
            for line in lines
        ],
    )
