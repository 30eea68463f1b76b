"""Files in a bucket: what its server answers, and that polars reads where boto3 writes."""

import hashlib
import io
import socket
from collections.abc import Callable, Iterator

import polars as pl
import pytest
import requests

from alchemiser_dagster.storage import Files, StorageError, open_files
from tests.storage.stores import AwsServer

USES: list[Callable[[Files], object]] = [
    lambda files: files.read("a.json"),
    lambda files: files.write("a.json", b"x"),
    lambda files: files.exists("a.json"),
    lambda files: files.stamp("a.json"),
    lambda files: files.names(""),
    lambda files: files.delete("a.json"),
]
every_use = pytest.mark.parametrize("use", USES)


@every_use
def test_a_bucket_that_does_not_exist(s3_settings: None, use: Callable[[Files], object]) -> None:
    files = open_files("s3://no-such-bucket-here/bars")
    with pytest.raises(StorageError, match="expected the bucket no-such-bucket-here, was none"):
        use(files)


@pytest.fixture
def guarded(s3_server: AwsServer, bucket: str) -> Iterator[str]:
    """A bucket on a server that asks who is calling."""
    requests.post(f"{s3_server.url}/moto-api/reset-auth", data=b"0", timeout=10)
    yield bucket
    requests.post(f"{s3_server.url}/moto-api/reset-auth", data=b"inf", timeout=10)


@every_use
def test_credentials_that_are_not_known(guarded: str, use: Callable[[Files], object]) -> None:
    files = open_files(f"s3://{guarded}/bars")
    with pytest.raises(StorageError, match=r"no access .* s3:PutObject") as caught:
        use(files)
    assert guarded in str(caught.value)
    assert "secret of the tests" not in str(caught.value)


@every_use
def test_nobody_at_the_endpoint(
    s3_settings: None, monkeypatch: pytest.MonkeyPatch, use: Callable[[Files], object]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(StorageError, match=r"cannot be reached .* AWS_ENDPOINT_URL"):
        use(open_files("s3://bucket/bars"))


def test_no_credentials(s3_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    files = open_files("s3://bucket/bars")
    with pytest.raises(StorageError, match=r"expected AWS credentials, was .* AWS_ACCESS_KEY_ID"):
        files.read("a.json")


@pytest.mark.parametrize(
    ("setting", "value"), [("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL", "no url")]
)
def test_settings_that_boto3_refuses(
    s3_settings: None, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(StorageError, match=f"expected settings that boto3 can use, was .*{value}"):
        open_files("s3://bucket/bars")


def test_polars_reads_with_the_settings_of_boto3(bucket: str, s3_server: AwsServer) -> None:
    files = open_files(f"s3://{bucket}/some where/é")
    content = io.BytesIO()
    pl.DataFrame({"close": [1.5, 2.5]}).write_parquet(content)
    files.write("a+b [1].parquet", content.getvalue())
    assert files.storage_options == {
        "aws_region": "us-east-2",
        "aws_endpoint_url": s3_server.url,
        "aws_allow_http": "true",
        "aws_access_key_id": "AKIATEST",
        "aws_secret_access_key": "secret of the tests",
    }
    read = pl.scan_parquet(
        files.location("a+b [1].parquet"), storage_options=files.storage_options, glob=False
    ).collect()
    assert read["close"].to_list() == [1.5, 2.5]


def test_amazon_itself_needs_no_endpoint(
    s3_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    options = open_files("s3://bucket").storage_options
    assert options is not None
    assert options.keys() == {
        "aws_region", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
    }  # fmt: skip


def test_a_stored_checksum_saves_reading_the_file(bucket: str, s3_server: AwsServer) -> None:
    files = open_files(f"s3://{bucket}")
    content = b"a bar " * 20_000
    files.write("bars.parquet", content)
    before = s3_server.sent
    assert files.sha256("bars.parquet") == hashlib.sha256(content).hexdigest()
    assert s3_server.sent == before
    # put by somebody who gave no such checksum
    s3_server.client.put_object(Bucket=bucket, Key="bars.parquet", Body=content + b"!")
    assert files.sha256("bars.parquet") == hashlib.sha256(content + b"!").hexdigest()
    assert s3_server.sent > before + len(content)


def test_more_names_than_an_answer_holds(
    bucket: str, s3_server: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    files = open_files(f"s3://{bucket}/bars")
    names = [f"{number:02}" for number in range(10)]
    for name in names:
        files.write(name, b"")
    assert len(s3_server.client.list_objects_v2(Bucket=bucket)["Contents"]) == 3
    assert files.names("") == names


def test_the_folder_marks_of_consoles_are_no_files(bucket: str, s3_server: AwsServer) -> None:
    for key in ("bars/", "bars/2026/", "bars/a.json"):
        s3_server.client.put_object(Bucket=bucket, Key=key, Body=b"")
    assert open_files(f"s3://{bucket}/bars").names("") == ["a.json"]
    assert open_files(f"s3://{bucket}").names("bars/") == ["bars/a.json"]


def test_stores_in_one_bucket_do_not_see_each_other(bucket: str) -> None:
    paper, live = open_files(f"s3://{bucket}/paper"), open_files(f"s3://{bucket}/live")
    paper.write("a.json", b"paper")
    assert not live.exists("a.json")
    assert live.names("") == []
