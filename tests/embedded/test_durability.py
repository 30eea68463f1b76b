"""What survives: restarts, kill -9, equal runs, changed futures."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient

from alchemiser_dagster.embedded import Connection, EmbeddedBroker, StateFileError
from alchemiser_dagster.market.bars import BarsError
from tests.embedded.conftest import Desk, Open, desk_of, new_york, tiny_bars
from tests.embedded.order_requests import dollars, limit, market


def trade_a_day(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "WILD", "100"))
    desk.trading.submit_order(limit("buy", "CALM", "7.5", "60.40"))
    resting = desk.trading.submit_order(limit("buy", "STILL", "3", "90.00", time_in_force="gtc"))
    desk.control.advance(1800)
    desk.trading.submit_order(dollars("buy", "THIN", "123.45"))
    desk.trading.submit_order(limit("sell", "WILD", "50", "21.50"))
    desk.control.advance_to("next_close")
    desk.trading.cancel_order_by_id(resting.id)
    desk.control.advance_to("next_open")
    desk.trading.close_all_positions(cancel_orders=True)


def everything(desk: Desk) -> dict[str, object]:
    """All that a client can see of the account and the market."""
    symbols = "CALM,STILL,THIN,WILD"
    asked = {
        "account": desk.trading.get("/account"),
        "orders": desk.trading.get("/orders", {"status": "all", "limit": 500}),
        "positions": desk.trading.get("/positions"),
        "activities": desk.trading.get("/account/activities"),
        "assets": desk.trading.get("/assets"),
        "clock": desk.trading.get("/clock"),
    }
    for path in ("quotes/latest", "trades/latest", "bars/latest", "snapshots"):
        asked[path] = desk.data.get(f"/stocks/{path}", {"symbols": symbols})
    for adjustment in ("raw", "all"):
        query = {"symbols": symbols, "timeframe": "1Day", "adjustment": adjustment}
        asked[adjustment] = desk.data.get("/stocks/bars", query)
    return asked


def database(state: Path) -> list[str]:
    with sqlite3.connect(state) as db:
        return list(db.iterdump())


def test_equal_requests_make_equal_databases(open_desk: Open, tmp_path: Path) -> None:
    dumps = []
    for name in ("one.sqlite", "two.sqlite"):
        desk = open_desk(state=name)
        trade_a_day(desk)
        desk.broker.stop()
        dumps.append(database(tmp_path / name))
    assert dumps[0] == dumps[1]
    assert len(dumps[0]) > 40


def test_another_seed_makes_another_day(open_desk: Open) -> None:
    quotes = [
        open_desk(seed=seed).data.get("/stocks/quotes/latest", {"symbols": "WILD"})
        for seed in (1, 2)
    ]
    assert quotes[0] != quotes[1]


def test_a_restarted_broker_goes_on(open_desk: Open) -> None:
    desk = open_desk(state="kept.sqlite")
    desk.trading.submit_order(market("buy", "WILD", "100"))
    resting = desk.trading.submit_order(limit("buy", "STILL", "3", "90.00"))
    desk.control.advance(600)
    before = everything(desk)
    keys = desk.broker.connection.credentials
    desk.broker.stop()
    again = open_desk(state="kept.sqlite")
    assert again.broker.connection.credentials == keys
    assert everything(again) == before
    again.control.advance_to("next_close")
    assert again.trading.get_order_by_id(resting.id).status.value == "expired"


def test_one_state_file_has_one_broker(desk: Desk, open_desk: Open) -> None:
    with pytest.raises(StateFileError, match="no other broker has open"):
        open_desk(state="broker0.sqlite")
    assert desk.trading.get_clock().is_open


def test_state_of_other_terms_or_bars_is_refused(open_desk: Open) -> None:
    open_desk(state="kept.sqlite").broker.stop()
    with pytest.raises(StateFileError, match="expected seed 8, was 7"):
        open_desk(state="kept.sqlite", seed=8)
    changed = tiny_bars().with_columns(
        close=pl.when(pl.col("symbol") == "WILD").then(19.0).otherwise(pl.col("close"))
    )
    with pytest.raises(StateFileError, match="the bars of WILD up to 2024-03-28 differ"):
        open_desk(state="kept.sqlite", bars=changed)
    with pytest.raises(StateFileError, match="expected WILD up to 2024-03-28"):
        open_desk(state="kept.sqlite", bars=tiny_bars().filter(pl.col("symbol") != "WILD"))


def test_bars_that_only_grow_are_accepted(open_desk: Open) -> None:
    longer = tiny_bars(last=new_york("2024-04-05 00:00").date())
    new_symbol = tiny_bars().filter(pl.col("symbol") == "CALM").with_columns(symbol=pl.lit("NEW"))
    open_desk(state="kept.sqlite").broker.stop()
    open_desk(state="kept.sqlite", bars=longer).broker.stop()
    desk = open_desk(state="kept.sqlite", bars=pl.concat([longer, new_symbol]))
    assert desk.trading.get_asset("NEW").tradable
    desk.broker.stop()
    with pytest.raises(StateFileError, match="2024-04-05"):
        open_desk(state="kept.sqlite", bars=tiny_bars())


def test_a_file_that_is_no_state_file(open_desk: Open, tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("not a database, " * 100)
    with pytest.raises(StateFileError, match="expected a broker's state file"):
        open_desk(state="text.sqlite")


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        (tiny_bars().drop("adj_close"), "missing \\['adj_close'\\]"),
        (tiny_bars().clear(), "the table is empty"),
        (pl.concat([tiny_bars(), tiny_bars()]), "was two of CALM on 2024-03-04"),
        (tiny_bars().with_columns(low=pl.lit(-1.0)), "expected 0 < low"),
        (tiny_bars().with_columns(high=pl.col("low")), "expected 0 < low"),
        (
            tiny_bars().with_columns(date=pl.col("date") - pl.duration(days=1)),
            "was 2024-03-03 \\(Sunday\\)",
        ),
    ],
)
def test_bars_that_are_no_market(open_desk: Open, bars: pl.DataFrame, message: str) -> None:
    with pytest.raises(BarsError, match=message):
        open_desk(bars=bars)


def test_nothing_shown_depends_on_later_bars(open_desk: Open) -> None:
    """The same requests up to 2024-03-19, on bars that differ from 2024-03-20 on."""
    later = pl.col("date") > new_york("2024-03-19 00:00").date()
    changed = tiny_bars().with_columns(
        *(
            pl.when(later).then(pl.col(name) * 3).otherwise(pl.col(name))
            for name in ("open", "high", "low", "close", "volume")
        ),
        adj_close=pl.when(later).then(1.0).otherwise(pl.col("adj_close")),
    )
    missing = tiny_bars().filter(~later)
    seen = []
    for bars in (tiny_bars(), changed, missing):
        desk = open_desk(bars=bars)
        shown = [everything(desk)]
        trade_a_day(desk)
        shown.append(everything(desk))
        desk.control.advance_to("next_close")
        seen.append([*shown, everything(desk)])
    assert seen[0] == seen[1] == seen[2]


@contextmanager
def broker_process(bars: Path, state: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "alchemiser_dagster.embedded"]
    options = ["--bars", str(bars), "--state", str(state), "--at", "2024-03-18T10:00-04:00"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def connect(process: subprocess.Popen[str]) -> tuple[Connection, TradingClient]:
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["pid"] == process.pid
    connection = Connection.read(Path(ready["connection"]))
    keys = connection.credentials
    assert keys.secret_key not in json.dumps(ready)
    client = TradingClient(keys.api_key, keys.secret_key, url_override=ready["url"])
    return connection, client


def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    bars, state = tmp_path / "bars.parquet", tmp_path / "state" / "broker.sqlite"
    tiny_bars().write_parquet(bars)
    with broker_process(bars, state) as process:
        connection, client = connect(process)
        client.submit_order(market("buy", "STILL", "10", client_order_id="filled"))
        client.submit_order(limit("buy", "STILL", "1", "90.00", client_order_id="resting"))
        connection.control().advance(60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with broker_process(bars, state) as process:
        connection, client = connect(process)
        assert client.get_clock().timestamp == new_york("2024-03-18 10:01")
        assert client.get_order_by_client_id("filled").status.value == "filled"
        assert client.get_order_by_client_id("resting").status.value == "new"
        assert client.get_account().cash == "98999.9"
        with pytest.raises(Exception, match="must be unique"):
            client.submit_order(limit("buy", "STILL", "1", "90.00", client_order_id="resting"))
    assert (state.parent / "broker.sqlite.connection.json").stat().st_mode & 0o077 == 0


def test_context_manager(tmp_path: Path) -> None:
    broker = EmbeddedBroker(
        tiny_bars(), tmp_path / "x.sqlite", opened_at=new_york("2024-03-18 10:00")
    )
    with pytest.raises(RuntimeError, match="call start"):
        _ = broker.url
    with broker:
        assert desk_of(broker).control.now() == new_york("2024-03-18 10:00")
        assert isinstance(desk_of(broker).data, StockHistoricalDataClient)
    with pytest.raises(RuntimeError, match="call start"):
        _ = broker.url
