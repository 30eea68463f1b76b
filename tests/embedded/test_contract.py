"""Every answer against its schema, every route in the OpenAPI document, no secret in the log."""

import logging
import re
import socket
from datetime import date, datetime
from typing import Any

import pytest
import requests

from tests.embedded.conftest import Desk, new_york
from tests.embedded.order_requests import limit, market

PLACES = {
    "{type}": "FILL",
    "{symbol}": "STILL",
    "{underlying}": "STILL",
}
SYMBOLS = "CALM,STILL"
CALL = "STILL240322C00100000"


def mismatches(value: Any, schema: dict[str, Any], schemas: dict[str, Any], at: str) -> list[str]:
    """Where `value` departs from a JSON schema of the kinds used in the document."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        tried = [mismatches(value, option, schemas, at) for option in schema["anyOf"]]
        return [] if [] in tried else tried[0]
    kinds = {
        "string": str,
        "number": int | float,
        "integer": int,
        "boolean": bool,
        "null": type(None),
        "array": list,
        "object": dict,
    }
    kind = schema["type"]
    if not isinstance(value, kinds[kind]) or (kind != "boolean" and isinstance(value, bool)):
        return [f"{at}: expected {kind}, was {value!r}"]
    if kind == "array":
        return [
            m
            for n, item in enumerate(value)
            for m in mismatches(item, schema["items"], schemas, f"{at}[{n}]")
        ]
    if kind == "object":
        return _object_mismatches(value, schema, schemas, at)
    if kind == "string":
        return _text_mismatches(value, schema, at)
    return []


def _object_mismatches(
    value: dict[str, Any], schema: dict[str, Any], schemas: dict[str, Any], at: str
) -> list[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    found = [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        if name in known:
            found += mismatches(item, known[name], schemas, f"{at}.{name}")
        elif others is False:
            found.append(f"{at}: {name} is unexpected")
        elif others:
            found += mismatches(item, others, schemas, f"{at}.{name}")
    return found


def _text_mismatches(value: str, schema: dict[str, Any], at: str) -> list[str]:
    formats = {
        "date": date.fromisoformat,
        "date-time": datetime.fromisoformat,
        "uuid": lambda text: re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)[0],
    }
    try:
        formats.get(schema.get("format", ""), str)(value)
    except (ValueError, TypeError):
        return [f"{at}: expected a {schema['format']}, was {value!r}"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{at}: expected {schema['pattern']}, was {value!r}"]
    return []


def keys(desk: Desk) -> dict[str, str]:
    return {
        "APCA-API-KEY-ID": desk.broker.api_key,
        "APCA-API-SECRET-KEY": desk.broker.secret_key,
    }


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """An account with a past: shares, an option, open, filled, canceled and expired orders."""
    desk.trading.submit_order(market("buy", "STILL", "150"))
    desk.trading.submit_order(market("buy", CALL, "1"))
    desk.trading.submit_order(limit("buy", "CALM", "1", "10.00"))
    desk.control.advance_to(new_york("2024-03-20 10:00"))
    order = desk.trading.submit_order(limit("buy", "CALM", "1", "10.00"))
    desk.trading.cancel_order_by_id(order.id)
    desk.trading.submit_order(limit("buy", "CALM", "1", "10.00", client_order_id="open"))
    return desk


def test_every_answer_is_as_the_document_says(busy: Desk) -> None:
    document = busy.control.openapi()
    schemas = document["components"]["schemas"]
    order_id = str(busy.trading.get_orders()[0].id)
    wrong, tried = [], 0
    for path, operations in document["paths"].items():
        if "get" not in operations:
            continue
        url = path.replace("{order_id}", order_id)
        if path == "/v2/options/contracts/{symbol}":
            url = f"/v2/options/contracts/{CALL}"
        for place, value in PLACES.items():
            url = url.replace(place, value)
        option_data = path.startswith("/v1beta1")
        query = {
            "symbols": CALL if option_data else SYMBOLS,
            "timeframe": "1D" if "history" in path else "1Day",
            "client_order_id": "open",
            "underlying_symbols": "STILL",
            "status": "active" if "assets" in path or "options" in path else "all",
        }
        named = {parameter["name"] for parameter in operations["get"]["parameters"]}
        query = {name: value for name, value in query.items() if name in named}
        answer = requests.get(busy.broker.url + url, query, headers=keys(busy), timeout=10)
        assert answer.status_code == 200, (url, answer.text)
        schema = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        wrong += mismatches(answer.json(), schema, schemas, path)
        tried += 1
    assert wrong == []
    assert tried >= 25


def test_every_route_is_in_the_document(desk: Desk) -> None:
    """And answers nonsense with an error of the right shape, never with a failure of its own."""
    document = desk.control.openapi()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method in operations:
            url = re.sub(r"{\w+}", "nonsense", path)
            for query in ({}, {"limit": "-1", "symbols": "?", "start": "x", "page_token": "\x00"}):
                answer = requests.request(
                    method,
                    desk.broker.url + url,
                    params=query,
                    data=b"[not json",
                    headers=keys(desk),
                    timeout=10,
                )
                assert answer.status_code < 500, (method, url, query, answer.text)
                if answer.status_code >= 400:
                    assert mismatches(answer.json(), schemas["Error"], schemas, url) == []
    assert desk.control.state()["server_errors"] == 0
    assert desk.control.state()["unknown_paths"] == {}


def test_listens_on_loopback_only(desk: Desk) -> None:
    host, port = desk.broker.url.removeprefix("http://").split(":")
    assert host == "127.0.0.1"
    others = {
        info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    } - {"127.0.0.1"}
    for address in others:
        with socket.socket() as connection:
            connection.settimeout(1)
            if not address.startswith("127."):
                assert connection.connect_ex((address, int(port))) != 0


def test_no_secret_in_logs_or_errors(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when the server itself fails in the middle of a request."""
    caplog.set_level(logging.DEBUG)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("alchemiser_dagster.embedded.views.clock_view", fail)
    answer = requests.get(f"{desk.broker.url}/v2/clock", headers=keys(desk), timeout=10)
    assert answer.status_code == 500
    assert answer.json() == {"code": 50010000, "message": "internal server error occurred"}
    assert desk.control.state()["server_errors"] == 1
    assert "ZeroDivisionError" in caplog.text
    said = caplog.text + answer.text + repr(desk.broker.connection)
    for secret in (desk.broker.api_key, desk.broker.secret_key, desk.broker.control_token):
        assert secret not in said
