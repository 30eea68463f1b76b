"""CSV reports: what is in them, and that the same session gives the same bytes."""

from datetime import date

from alchemiser_dagster.publishing.reports import publish_reports, session_reports
from alchemiser_dagster.storage import Files
from tests.ledger.activity_lines import bust, post
from tests.ledger.traded import Traded
from tests.publishing.rows import performance_row

THIRD = date(2026, 11, 3)


def reports(traded: Traded, session: date = THIRD) -> dict[str, bytes]:
    rows = [performance_row(session.day, book) for book in ("b", "a")]
    with traded.ledger.read() as connection:
        return session_reports(connection, session, rows)


def lines(content: bytes) -> list[str]:
    text = content.decode()
    assert text.endswith("\n")
    assert "\r" not in text
    return text.splitlines()


def trade(traded: Traded) -> None:
    traded.trade(2, "b buy 2.5 ABC @ 20.1")
    traded.trade(3, "a buy 10 XYZ @ 10")
    traded.trade(3, "b sell 1 ABC @ 21")


def test_what_was_traded_and_what_is_held(traded: Traded) -> None:
    trade(traded)
    made = reports(traded)
    assert list(made) == [
        "performance/2026-11-03.csv",
        "open_lots/2026-11-03.csv",
        "trades/2026-11-03.csv",
    ]
    assert lines(made["open_lots/2026-11-03.csv"]) == [
        "session,book,symbol,lot_id,entry_at,entry_quantity,entry_price,quantity,cost",
        "2026-11-03,a,XYZ,x.2026-11-03.XYZ.a.a,2026-11-03T20:50:00+00:00,10,10,10,100",
        "2026-11-03,b,ABC,x.2026-11-02.ABC.b.b,2026-11-02T20:50:00+00:00,2.5,20.1,1.5,30.15",
    ]
    assert lines(made["trades/2026-11-03.csv"]) == [
        "session,book,symbol,side,quantity,price,cash,executed_at,fill_id,trade_id,"
        "client_order_id,cross_id,busts",
        "2026-11-03,a,XYZ,buy,10,10,100,2026-11-03T20:50:00+00:00,x.2026-11-03.XYZ.a.a,"
        "2026-11-03.a.XYZ.buy,2026-11-03.XYZ.a,,",
        "2026-11-03,b,ABC,sell,1,21,21,2026-11-03T20:50:00+00:00,x.2026-11-03.ABC.b.b,"
        "2026-11-03.b.ABC.sell,2026-11-03.ABC.b,,",
    ]


def test_performance_is_by_book_with_the_columns_of_its_table(traded: Traded) -> None:
    header, a, b = lines(reports(traded)["performance/2026-11-03.csv"])
    assert header.startswith("date,book,snapshot_timestamp,correlation_id,realized_pnl,")
    assert a.startswith("2026-11-03,a,2026-11-03T21:00:00+00:00,")
    assert a.endswith(",53,36,1,3,2,1,66.67,17.67,0,60053.12,,-0.000015,0")
    assert b.startswith("2026-11-03,b,")


def test_a_session_without_trades_has_reports_of_their_headers(traded: Traded) -> None:
    made = reports(traded)
    assert len(lines(made["trades/2026-11-03.csv"])) == 1
    assert len(lines(made["open_lots/2026-11-03.csv"])) == 1


def test_a_report_is_the_same_whatever_happened_since(traded: Traded) -> None:
    trade(traded)
    before = reports(traded)
    traded.trade(4, "a sell 10 XYZ @ 11")
    post(traded, bust("x", "x.2026-11-03.ABC.b", "1 ABC -21.00"))
    assert reports(traded) == before


def test_a_report_that_is_there_is_left_alone(traded: Traded, files: Files) -> None:
    trade(traded)
    made = reports(traded)
    assert publish_reports(files, made) == 3
    assert {name: files.read(name) for name in files.names("")} == made
    stamps = {name: files.stamp(name) for name in made}
    assert publish_reports(files, made) == 0
    assert {name: files.stamp(name) for name in made} == stamps
    files.write("trades/2026-11-03.csv", b"something else")
    assert publish_reports(files, made) == 1
    assert files.read("trades/2026-11-03.csv") == made["trades/2026-11-03.csv"]
