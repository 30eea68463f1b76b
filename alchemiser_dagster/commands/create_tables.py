"""`alchemiser create-tables`: the DynamoDB tables that the settings name."""

from itertools import chain

from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.publishing.dynamodb import dynamodb_client
from alchemiser_dagster.publishing.errors import PublishingError
from alchemiser_dagster.publishing.tables import STRATEGY_PERFORMANCE, TRADE_LEDGER, create_table
from alchemiser_dagster.settings import SettingsError, publishing


def create_tables() -> None:
    """Make the tables, or give those that are there what they lack."""
    try:
        asked = publishing()
        wanted = [(asked.ledger, TRADE_LEDGER), (asked.performance, STRATEGY_PERFORMANCE)]
        named = [(name, schema) for name, schema in wanted if name is not None]
        if not named:
            fail(
                "expected the name of a table in ALCHEMISER_PUBLISH_LEDGER or "
                "ALCHEMISER_PUBLISH_PERFORMANCE, was none"
            )
        client = dynamodb_client()
        for name, schema in named:
            lines = iter(create_table(client, name, schema))
            first = next(lines, f"the table {name} has all that it needs")
            for line in chain([first], lines):
                out.print(line, markup=False, highlight=False)
    except (SettingsError, PublishingError) as error:
        fail(str(error))
