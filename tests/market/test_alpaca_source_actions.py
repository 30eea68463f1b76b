"""Every kind of corporate action that Alpaca knows, as its API writes them."""

from datetime import date

import pytest
from alpaca.data.enums import CorporateActionsType
from alpaca.data.historical.corporate_actions import CorporateActionsClient

from alchemiser_dagster.api_calls import CallBudget
from alchemiser_dagster.market.actions import ACTIONS_SCHEMA, KINDS
from alchemiser_dagster.market.sources import AlpacaSource, SourceError
from alchemiser_dagster.market.sources.alpaca_actions import FORMS

from .alpaca_answers import Refusing, answer, same_adjusted

FIRST, LAST = date(2026, 1, 2), date(2026, 1, 30)
DAY = "2026-01-15"
PROCESSED = {"id": "1", "process_date": DAY}
EX = PROCESSED | {"ex_date": DAY}
EFFECTIVE = PROCESSED | {"effective_date": DAY}
SPUN = EX | {"source_symbol": "OLD", "source_cusip": "", "new_symbol": "KID", "new_cusip": ""}
BOUGHT = EFFECTIVE | {"acquiree_symbol": "OLD", "acquirer_symbol": "BUYER"}
RATES = {"acquiree_rate": 2, "acquirer_rate": 1}

KNOWN = {
    "cash_dividends": (EX | {"symbol": "OLD", "rate": 0.35, "special": False}, 0.35, None, None),
    "capital_gains_distributions": (
        EX | {"symbol": "OLD", "long_term_rate": 1.5, "short_term_rate": 0.25},
        *(1.75, None, None),
    ),
    "forward_splits": (EX | {"symbol": "OLD", "new_rate": 4, "old_rate": 1}, None, 4.0, None),
    "reverse_splits": (EX | {"symbol": "OLD", "new_rate": 1, "old_rate": 10}, None, 0.1, None),
    "unit_splits": (
        EFFECTIVE | {"old_symbol": "OLD", "new_symbol": "NEW", "new_rate": 1, "old_rate": 2},
        *(None, 0.5, "NEW"),
    ),
    "stock_dividends": (EX | {"symbol": "OLD", "rate": 0.05}, None, 1.05, None),
    "spin_offs": (SPUN | {"source_rate": 4, "new_rate": 1}, None, 0.25, "KID"),
    "rights_distributions": (SPUN | {"rate": 0.5}, None, 0.5, "KID"),
    "cash_mergers": (EFFECTIVE | {"acquiree_symbol": "OLD", "rate": 54.2}, 54.2, None, None),
    "stock_mergers": (BOUGHT | RATES, None, 0.5, "BUYER"),
    "stock_and_cash_mergers": (BOUGHT | RATES | {"cash_rate": 30.0}, 15.0, 0.5, "BUYER"),
    "name_changes": (PROCESSED | {"old_symbol": "OLD", "new_symbol": "NEW"}, None, None, "NEW"),
    "redemptions": (PROCESSED | {"symbol": "OLD", "rate": 25.0}, 25.0, None, None),
    "worthless_removals": (PROCESSED | {"symbol": "OLD"}, None, None, None),
}
OF_OURS = {
    "dividend": ["cash_dividends", "capital_gains_distributions"],
    "split": ["forward_splits", "reverse_splits", "unit_splits"],
    "stock_dividend": ["stock_dividends"],
    "spin_off": ["spin_offs", "rights_distributions"],
    "merger": ["cash_mergers", "stock_mergers", "stock_and_cash_mergers"],
    "name_change": ["name_changes"],
    "removal": ["redemptions", "worthless_removals"],
}


class Actions(Refusing):
    """Answers with the actions of one page each, and remembers what it was asked."""

    def __init__(self, *pages: object) -> None:
        super().__init__(200, None)
        self.pages = list(pages)
        self.asked: list[str] = []

    def send(self, request, *_, **__):
        self.asked.append(request.url)
        more = f"{len(self.pages)} left" if len(self.pages) > 1 else None
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        return answer(request, 200, {"corporate_actions": page, "next_page_token": more})

    def source(self) -> AlpacaSource:
        client = CorporateActionsClient("key", "secret", url_override="http://alpaca.test")
        client._session.mount("http://alpaca.test", self)
        return AlpacaSource(
            same_adjusted({}).client(),
            actions_client=client,
            budget=CallBudget(wait=lambda _: None),
        )


def rows(page: object, *symbols: str, first: date = FIRST, last: date = LAST) -> list[tuple]:
    actions = Actions(page).source().corporate_actions(symbols or ["OLD"], first, last)
    assert actions.schema == ACTIONS_SCHEMA
    return actions.rows()


@pytest.mark.parametrize("kind", KNOWN)
def test_each_kind_is_read(kind):
    row, amount, ratio, new_symbol = KNOWN[kind]
    (ours,) = [name for name, kinds in OF_OURS.items() if kind in kinds]
    assert rows({kind: [row]}) == [("OLD", date(2026, 1, 15), ours, amount, ratio, new_symbol)]


def test_all_kinds_are_known():
    assert set(OF_OURS) == set(KINDS)
    assert set(KNOWN) == set(FORMS)
    assert {f"{kind.value}s" for kind in CorporateActionsType} <= set(FORMS)


def test_a_kind_that_is_not_known_is_named(caplog):
    page = {"cash_dividends": [KNOWN["cash_dividends"][0]], "partial_calls": [{"symbol": "OLD"}]}
    assert len(rows(page)) == 1
    assert "1 corporate actions of kind partial_calls left out" in caplog.text


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ex_date": None}, "TypeError"),
        ({"ex_date": "soon"}, "soon"),
        ({"symbol": ""}, "symbol ''"),
        ({"rate": "0.35"}, "TypeError"),
        ({"rate": None}, "TypeError"),
        ({"rate": 0}, "0 is no amount or ratio"),
        ({"rate": -0.35}, "-0.35 is no amount or ratio"),
    ],
)
def test_an_action_that_lacks_what_it_needs_is_named_and_others_are_read(changed, says, caplog):
    sound = KNOWN["cash_dividends"][0]
    assert len(rows({"cash_dividends": [sound | changed, sound]})) == 1
    assert "a corporate action of kind cash_dividends left out" in caplog.text
    assert says in caplog.text


def test_a_field_that_is_absent_is_named(caplog):
    assert rows({"spin_offs": [EX, None]}) == []
    assert "KeyError 'source_symbol'" in caplog.text


@pytest.mark.parametrize("page", [None, [], {"cash_dividends": None}, {"cash_dividends": {}}])
def test_an_answer_of_another_form_is_told(page):
    with pytest.raises(SourceError, match="corporate actions"):
        rows(page)


def test_a_dividend_is_found_although_it_is_paid_weeks_later():
    """FCF was ex 2023-05-04 and paid, hence processed, 2023-05-19."""
    ex, paid = date(2023, 5, 4), "2023-05-19"
    row = {"symbol": "FCF", "rate": 0.125, "ex_date": ex.isoformat(), "process_date": paid}
    service = Actions({"cash_dividends": [row]})
    found = service.source().corporate_actions(["FCF"], date(2023, 5, 1), date(2023, 5, 5))
    assert found["amount"].to_list() == [0.125]
    (asked,) = service.asked
    assert "start=2023-04-24" in asked
    assert "end=2023-09-02" in asked
    assert rows({"cash_dividends": [row]}, "FCF", first=date(2023, 5, 5)) == []


def test_pages_are_followed_and_many_symbols_asked_for_in_turn():
    dividend = KNOWN["cash_dividends"][0]
    pages = [{"cash_dividends": [dividend]}, {"cash_dividends": [dividend | {"rate": 0.1}]}, {}]
    service = Actions(*pages)
    symbols = ["OLD", *(f"S{n}" for n in range(100))]
    found = service.source().corporate_actions(symbols, FIRST, LAST)
    assert found["amount"].to_list() == [0.1, 0.35]
    assert len(service.asked) == 4
    assert all("limit=1000" in url for url in service.asked)


def test_share_classes_are_spelled_as_bars_are():
    dividend = KNOWN["cash_dividends"][0] | {"symbol": "BRK.B"}
    assert rows({"cash_dividends": [dividend]}, "BRK/B")[0][0] == "BRK.B"


def test_a_renamed_symbol_is_found_under_its_new_name():
    assert rows({"name_changes": [KNOWN["name_changes"][0]]}, "NEW")[0][-1] == "NEW"
