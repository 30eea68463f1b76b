"""The media that files can be kept on, for tests that should hold on each.

A test that asks for `files` runs twice: in a folder, and in a bucket of its own on a server on this
machine that speaks S3 over HTTP. `spoil` changes what is stored behind the store's back. The same
server speaks DynamoDB, for the tests of published tables.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from alchemiser_dagster.storage import Files, open_files
from alchemiser_dagster.storage.local import LocalFiles
from alchemiser_dagster.storage.s3 import S3Files

Spoil = Callable[[str, bytes], None]

REGION, KEY, SECRET = "us-east-2", "AKIATEST", "secret of the tests"


class AwsServer:
    """The server, and a client of its S3 that knows nothing of the project.

    `sent` counts the bytes that the server has answered with, but for headers. `app` answers the
    requests; a test may put something in front of it.
    """

    def __init__(self) -> None:
        self.sent = 0
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        inner = self._server._server
        assert inner is not None
        self.app: Any = inner.app
        inner.app = self._counted
        self.url = "http://{}:{}".format(*self._server.get_host_and_port())
        self.client = self.client_of("s3")

    def client_of(self, service: str) -> Any:
        """A client of another of its services."""
        return boto3.Session().client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def stop(self) -> None:
        self._server.stop()

    def _counted(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for part in self.app(environ, start_response):
            self.sent += len(part)
            yield part


@pytest.fixture(scope="session")
def s3_server() -> Iterator[AwsServer]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = AwsServer()
    yield server
    server.stop()


@pytest.fixture
def s3_settings(s3_server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator sets; nothing of this machine's own settings counts."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server.url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(s3_server: AwsServer, s3_settings: None) -> str:
    """The name of an empty bucket."""
    name = f"bars-{uuid4().hex}"
    s3_server.client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return name


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """An empty store."""
    if request.param == "folder":
        return open_files(tmp_path / "store")
    return open_files(f"s3://{request.getfixturevalue('bucket')}/some/where")


@pytest.fixture
def spoil(files: Files, request: pytest.FixtureRequest) -> Spoil:
    """Changes a stored file as a fault of the disk or somebody's hand would, in place."""

    def spoil(name: str, content: bytes) -> None:
        if isinstance(files, LocalFiles):
            path = Path(files.location(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        else:
            assert isinstance(files, S3Files)
            client = request.getfixturevalue("s3_server").client
            client.put_object(Bucket=files.bucket, Key=files.prefix + name, Body=content)

    return spoil
