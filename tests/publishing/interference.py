"""Something in front of the server that speaks DynamoDB: it counts requests and spoils answers."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.storage.stores import AwsServer


@dataclass
class _Fault:
    """What becomes of some of the requests for an operation, after `skip` of them."""

    operation: str
    times: int
    skip: int = 0
    code: str = ""
    status: int = 400
    keep: int | None = None


@dataclass
class Interference:
    """`calls` counts requests by operation, those that were refused included."""

    app: Any
    calls: Counter[str] = field(default_factory=Counter)
    _faults: list[_Fault] = field(default_factory=list)

    def refuse(
        self, operation: str, code: str, *, times: int = 10**6, skip: int = 0, status: int = 400
    ) -> None:
        """Answer requests with an error instead of handing them on."""
        self._faults.append(_Fault(operation, times, skip, code, status))

    def leave_over(self, *, keep: int, times: int) -> None:
        """Hand on only the first `keep` requests of a batch, and say that the rest was not done."""
        self._faults.append(_Fault("BatchWriteItem", times, keep=keep))
        self._faults.append(_Fault("BatchGetItem", times, keep=keep))

    def stop(self) -> None:
        """Let everything through from now on."""
        self._faults.clear()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        self.calls[operation] += 1
        fault = self._due(operation)
        if fault is None:
            return self.app(environ, start_response)  # type: ignore[no-any-return]
        if fault.keep is None:
            return _error(fault, start_response)
        return self._cut(operation, fault.keep, environ, start_response)

    def _due(self, operation: str) -> _Fault | None:
        for fault in self._faults:
            if fault.operation == operation:
                if fault.skip:
                    fault.skip -= 1
                elif fault.times:
                    fault.times -= 1
                    return fault
        return None

    def _cut(
        self, operation: str, keep: int, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        ((table, batch),) = asked["RequestItems"].items()
        requests = batch if operation == "BatchWriteItem" else batch["Keys"]
        rest = requests[keep:]
        del requests[keep:]
        body = json.dumps(asked).encode()
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        answered: list[Any] = []
        answer = json.loads(b"".join(self.app(environ, lambda *of: answered.extend(of))))
        if rest and operation == "BatchWriteItem":
            answer["UnprocessedItems"] = {table: rest}
        elif rest:
            answer["UnprocessedKeys"] = {table: batch | {"Keys": rest}}
        return _answer(answered[0], answer, start_response)


def _error(fault: _Fault, start_response: Any) -> Iterable[bytes]:
    said = {
        "__type": f"com.amazonaws.dynamodb.v20120810#{fault.code}",
        "message": "as the test says",
    }
    return _answer(f"{fault.status} as the test says", said, start_response)


def _answer(status: str, said: Any, start_response: Any) -> Iterable[bytes]:
    body = json.dumps(said).encode()
    headers = [("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]


@pytest.fixture
def server(
    s3_server: AwsServer, s3_settings: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Interference]:
    """The server, with something in front that a test may tell to spoil answers."""
    monkeypatch.setattr("alchemiser_dagster.publishing.dynamodb.LONGEST_WAIT", 0.01)
    monkeypatch.setattr("alchemiser_dagster.publishing.comparison.SECOND_LOOKS", (0.01,))
    through = s3_server.app
    s3_server.app = Interference(through)
    yield s3_server.app
    s3_server.app = through
