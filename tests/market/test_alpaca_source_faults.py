"""What goes wrong at the data API on purpose, and what the source makes of it."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl
import pytest
from alpaca.data.historical import StockHistoricalDataClient

from alchemiser_dagster.api_calls import TRIES, CallBudget
from alchemiser_dagster.embedded import ControlClient, EmbeddedBroker, InProcessBroker
from alchemiser_dagster.market.bars import missing_symbols, sift_bars
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.sources import AlpacaSource, Progress, SourceError

from .alpaca_server import BARS_ROUTE, Pauses, evening_of, made_up, source_on

FIRST, LAST = date(2024, 3, 21), date(2024, 4, 4)
SYMBOLS = ["QQQ", "SPY", "TLT"]
MARKET = made_up(SYMBOLS, FIRST, LAST)
UNSPOILED_CALLS = 2
A_PAGE = base64.urlsafe_b64encode(b"QQQ|D|2024-03-21T04:00:00Z").decode()


@dataclass
class Service:
    """A broker whose faults a test sets, and what the source has waited for."""

    broker: EmbeddedBroker
    control: ControlClient
    pauses: Pauses
    budget: CallBudget

    @property
    def source(self) -> AlpacaSource:
        return source_on(self.broker, evening_of(LAST), budget=self.budget)

    def fails(self, **fault: object) -> None:
        """Put one fault of the bars in force."""
        self.control.add_fault(match=BARS_ROUTE, **fault)

    def bars(self) -> pl.DataFrame:
        return self.source.daily_bars(SYMBOLS, FIRST, LAST)

    def failure(self) -> str:
        with pytest.raises(SourceError) as caught:
            self.bars()
        return str(caught.value)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    state = tmp_path_factory.mktemp("broker") / "broker.sqlite"
    with EmbeddedBroker(MARKET, state, opened_at=evening_of(LAST)) as broker:
        yield broker


@pytest.fixture
def service(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr("alchemiser_dagster.api_calls.TIMEOUT_SECONDS", (2, 0.4))
    pauses = Pauses()
    service = Service(broker, broker.control(), pauses, pauses.budget())
    yield service
    service.control.clear_faults()


def test_nothing_goes_wrong_by_itself(service: Service) -> None:
    assert service.bars().equals(MARKET)
    assert (service.budget.calls, service.pauses) == (UNSPOILED_CALLS, [])


TRANSIENT = [
    ({"action": "status", "status": 500}, "HTTP 500: .*injected fault"),
    ({"action": "status", "status": 502, "body": "html"}, "HTTP 502: <html>"),
    ({"action": "status", "status": 503, "body": "empty"}, "HTTP 503: no reason given"),
    ({"action": "status", "status": 504, "body": "html"}, "HTTP 504"),
    ({"action": "reset"}, "ConnectionError"),
    ({"action": "hang", "seconds": 0.6}, "ReadTimeout"),
    ({"action": "redirect"}, "TypeError"),
    ({"action": "truncate_body", "stage": "after_commit"}, "ChunkedEncodingError|ConnectionError"),
    ({"action": "bad_json", "stage": "after_commit"}, "JSONDecodeError"),
]


@pytest.mark.parametrize(
    ("fault", "says"), TRANSIENT, ids=[f"{f['action']} {f.get('status', '')}" for f, _ in TRANSIENT]
)
class TestTransientFaults:
    @pytest.mark.parametrize("nth", [1, 2])
    def test_once_it_costs_a_pause(self, service: Service, fault, says, nth) -> None:
        service.fails(when={"nth": nth}, **fault)
        assert service.bars().equals(MARKET)
        assert service.pauses == [1.0]
        assert service.budget.calls == UNSPOILED_CALLS + 1

    def test_for_good_it_is_told(self, service: Service, fault, says) -> None:
        service.fails(**fault)
        with pytest.raises(SourceError, match=f"(?s)expected daily bars of QQQ and 2 more.*{says}"):
            service.bars()
        assert service.pauses == [1.0, 2.0, 4.0]
        assert service.budget.calls == TRIES


class TestTooManyRequests:
    def test_the_minute_is_waited_for(self, service: Service) -> None:
        service.fails(action="status", status=429, times=2)
        assert service.bars().equals(MARKET)
        assert len(service.pauses) == 2
        assert all(0 < seconds <= 61 for seconds in service.pauses)
        assert service.budget.waited == sum(service.pauses)

    def test_for_good_it_is_told(self, service: Service) -> None:
        service.fails(action="status", status=429)
        assert "HTTP 429" in (said := service.failure())
        assert "something else spends the calls of this key" in said
        assert len(service.pauses) == 9


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_final(service: Service, status: int) -> None:
    service.fails(action="status", status=status, body={"message": "forbidden."})
    assert "check the API key" in service.failure()
    assert (service.budget.calls, service.pauses) == (1, [])


def test_recent_sip_data_that_the_plan_lacks(service: Service) -> None:
    message = "subscription does not permit querying recent SIP data"
    service.fails(action="status", status=403, body={"message": message})
    assert "use the feed iex" in (said := service.failure())
    assert message in said
    assert service.budget.calls == 1


def test_keys_that_are_wrong(broker: EmbeddedBroker) -> None:
    client = StockHistoricalDataClient("no", "keys", url_override=broker.url)
    client._session.trust_env = False
    source = AlpacaSource(client, now=lambda: evening_of(LAST))
    with pytest.raises(SourceError, match=r"HTTP 403.*check the API key"):
        source.daily_bars(SYMBOLS, FIRST, LAST)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"action": "duplicate_items"}, "TypeError"),
        ({"action": "reverse_items"}, "HTTP 500"),
        ({"action": "null_field", "field": "bars"}, "AttributeError"),
        ({"action": "set_field", "field": "bars.SPY", "value": [{}]}, "KeyError: 't'"),
        ({"action": "set_field", "field": "bars.SPY", "value": "none"}, "TypeError"),
        ({"action": "set_field", "field": "next_page_token", "value": ""}, "EndlessPages"),
        ({"action": "set_field", "field": "next_page_token", "value": A_PAGE}, "EndlessPages"),
    ],
)
def test_an_answer_of_another_form_is_told(service: Service, fault, says) -> None:
    service.fails(stage="after_commit", **fault)
    with pytest.raises(SourceError, match=says):
        service.bars()


class TestHoles:
    """What is left out of an answer is left out of the table, of that symbol only."""

    def test_m20_a_symbol_that_is_missing_is_missed(self, service: Service) -> None:
        service.fails(action="missing_symbol", symbol="SPY", stage="after_commit")
        bars = service.bars()
        assert missing_symbols(bars, SYMBOLS) == ["SPY"]
        assert bars.equals(MARKET.filter(pl.col("symbol") != "SPY"))

    @pytest.mark.parametrize("nth", [1, 2])
    def test_one_that_is_missing_from_half_the_answers_is_set_aside(
        self, service: Service, nth: int
    ) -> None:
        service.fails(
            action="missing_symbol", symbol="SPY", stage="after_commit", when={"nth": nth}
        )
        sound, set_aside = sift_bars(service.bars())
        assert sound.equals(MARKET.filter(pl.col("symbol") != "SPY"))
        assert set_aside["symbol"].unique().to_list() == ["SPY"]

    def test_a_bar_that_is_missing_is_a_gap(self, service: Service) -> None:
        service.fails(action="missing_bar", symbol="SPY", date="2024-03-27", stage="after_commit")
        bars = service.bars()
        gap = (pl.col("symbol") == "SPY") & (pl.col("date") == date(2024, 3, 27))
        assert bars.equals(MARKET.filter(~gap))

    @pytest.mark.parametrize(("nth", "lacking"), [(1, "close"), (2, "adj_close")])
    def test_one_that_is_missing_from_half_the_answers_lacks_a_price(
        self, service: Service, nth: int, lacking: str
    ) -> None:
        service.fails(
            action="missing_bar",
            symbol="SPY",
            date="2024-03-27",
            stage="after_commit",
            when={"nth": nth},
        )
        bars = service.bars()
        assert bars.height == MARKET.height == 3 * len(sessions_between(FIRST, LAST))
        assert bars.filter(pl.col(lacking).is_null()).select("symbol", "date").rows() == [
            ("SPY", date(2024, 3, 27))
        ]


class TestAllowance:
    """Five calls a minute, at a broker where minutes pass in no time."""

    @pytest.fixture
    def broker(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessBroker]:
        monkeypatch.setattr("alchemiser_dagster.market.sources.alpaca.SYMBOLS_PER_REQUEST", 1)
        broker = InProcessBroker(MARKET, opened_at=evening_of(LAST), rate_limit=5)
        yield broker
        broker.close()

    @pytest.fixture
    def budget(self, broker: InProcessBroker) -> CallBudget:
        return CallBudget(now=lambda: broker.now.timestamp(), wait=broker.advance)

    def source(
        self, broker: InProcessBroker, budget: CallBudget, told: Callable[[Progress], None]
    ) -> AlpacaSource:
        return source_on(broker, evening_of(LAST), budget=budget, progress=told)

    def test_no_call_is_refused(self, broker, budget) -> None:
        """Six calls: the last one waits for the second minute."""
        progress: list[Progress] = []
        source = self.source(broker, budget, progress.append)
        assert source.daily_bars(SYMBOLS, FIRST, LAST).equals(MARKET)
        assert budget.calls == 6
        assert [(told.calls, told.waited) for told in progress] == [(2, 0), (4, 0), (6, 60)]
        assert broker.now == evening_of(LAST).replace(minute=1)

    def test_calls_that_somebody_else_has_made_are_waited_out(self, broker, budget) -> None:
        """Another program takes the three calls left after our first two: our third is refused."""
        other = source_on(broker, evening_of(LAST))._client

        def spend_the_rest(told: Progress) -> None:
            if told.done == 1:
                for _ in range(3):
                    other.get("/stocks/bars", {"symbols": "SPY"})

        source = self.source(broker, budget, spend_the_rest)
        assert source.daily_bars(SYMBOLS, FIRST, LAST).equals(MARKET)
        assert (budget.calls, budget.waited) == (7, 60)
