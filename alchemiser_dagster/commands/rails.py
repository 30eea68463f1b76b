"""`alchemiser rails`: what restricts the trading now."""

from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.terminal import err, out
from alchemiser_dagster.ledger.rails import rail_state, restricting_rows


def rails() -> None:
    """Print the rails that are not off."""
    with opened_account() as account, account.ledger.read() as connection:
        state = rail_state(connection)
        try:
            rows = restricting_rows(connection)
        except (SQLAlchemyError, ValueError):
            rows = []  # `state` says why they cannot be read
    if state.halted_account is not None:
        err.print(
            f"The account is halted: {state.halted_account}",
            style="bold red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if rows:
        table = Table()
        for name in ("rail", "scope", "state", "reason", "set by", "at (UTC)"):
            table.add_column(name, overflow="fold")
        for row in rows:
            at = f"{row.set_at:%Y-%m-%d %H:%M:%S}"
            cells = (row.rail, row.scope, row.state, row.reason, row.set_by, at)
            table.add_row(*(Text(str(cell)) for cell in cells))
        out.print(table)
    elif state.halted_account is None:
        out.print("No rail restricts the trading.")
