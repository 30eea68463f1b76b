"""Many corporate actions, in pages."""

from datetime import date

import polars as pl
import pytest
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest

from alchemiser_dagster.market.sessions import sessions_between
from tests.embedded.conftest import Desk, Open

SYMBOLS = [f"A{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXY"]
DIVIDENDS_EACH = 100


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    """Twenty-five symbols that each pay on a hundred sessions: 2,500 dividends."""
    sessions = sessions_between(date(2023, 1, 3), date(2024, 3, 18))[: DIVIDENDS_EACH + 1]
    rows = [
        {
            "symbol": symbol,
            "date": session,
            **dict.fromkeys(("open", "high", "low", "close"), 100.0),
            "volume": 1e6,
            "adj_close": 100.0 * 1.001**n,
        }
        for symbol in SYMBOLS
        for n, session in enumerate(sessions)
    ]
    return open_desk(bars=pl.DataFrame(rows))


def actions(desk: Desk, limit: int | None) -> CorporateActionsRequest:
    return CorporateActionsRequest(start=date(2023, 1, 1), end=date(2024, 3, 18), limit=limit)


def client(desk: Desk) -> CorporateActionsClient:
    made = CorporateActionsClient(
        desk.broker.api_key, desk.broker.secret_key, url_override=desk.broker.url
    )
    made._session.trust_env = False
    return made


def test_all_pages_are_read_without_a_limit(desk: Desk) -> None:
    """The SDK takes its own default limit, 1,000, as a total."""
    found = client(desk).get_corporate_actions(actions(desk, None))["cash_dividends"]
    assert len({(row.symbol, row.ex_date) for row in found}) == 2500 == len(found)
    by_default = CorporateActionsRequest(start=date(2023, 1, 1), end=date(2024, 3, 18))
    assert len(client(desk).get_corporate_actions(by_default)["cash_dividends"]) == 1000


def test_a_type_that_the_sdk_does_not_know_is_left_out(desk: Desk) -> None:
    desk.control.add_fault(
        stage="after_commit",
        action="set_field",
        match={"path": "/v1/corporate-actions"},
        field="corporate_actions.partial_calls",
        value=[{"id": "1", "symbol": "AA"}],
        times=1,
    )
    found = client(desk).get_corporate_actions(actions(desk, 3))
    assert set(found.data) == {"cash_dividends"}
