"""What commands about bars begin with: the records of the account that is open."""

from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.settings import strategies_folder


def opened_records() -> AccountRecords:
    """The records of the settings' account. Ends the command when none has been opened."""
    with opened_account() as account:
        return AccountRecords(home=str(account.home.path), strategies=str(strategies_folder()))
