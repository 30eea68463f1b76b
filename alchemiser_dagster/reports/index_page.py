"""The page that leads to the others."""

from alchemiser_dagster.reports.account_page import account_headline, books_table
from alchemiser_dagster.reports.data import AccountData
from alchemiser_dagster.reports.names import ACCOUNT_FILE
from alchemiser_dagster.reports.numbers import day
from alchemiser_dagster.reports.page import MADE_UP, Page, Section


def index_page(data: AccountData) -> Page:
    """The account's headline, and a row a book; both lead to the tearsheets there are."""
    parts = [data.name]
    if data.last_session is not None:
        parts.append(f"as of the close of {day(data.last_session)}")
    if data.gaps:
        parts.append(data.gaps)
    return Page(
        title="Tearsheets",
        subtitle=", ".join(parts),
        sections=[
            Section("Account", "account", cards=account_headline(data)),
            Section("Books", "books", blocks=[books_table(data)]),
        ],
        warning=MADE_UP if data.is_synthetic else "",
        links=[("The account's tearsheet", ACCOUNT_FILE)],
    )
