"""Files in a bucket of S3, or of a store that speaks its protocol.

A put is whole or not at all, and seen by every reader once it has returned. Files are put with
their SHA-256, which S3 checks on arrival and keeps: what is stored can then be told from its header
alone. Where a store keeps no such checksum, the bytes are read and hashed.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)

from alchemiser_dagster.storage.files import FileMissing, StorageError, checked_name, is_name

CONNECT_SECONDS, READ_SECONDS = 10, 60
MISSING = {"NoSuchKey", "NotFound", "404"}
NOT_ALLOWED = {
    "403",
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
}
UNREACHABLE = (ConnectionError, HTTPClientError, IncompleteReadError, FlexibleChecksumError)


class S3Files:
    """The objects of `bucket` whose keys begin with `prefix` + "/" (with anything if it is "")."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self._root = f"s3://{bucket}/{self.prefix}"
        with _explained(self._root, bucket):
            self._session = boto3.Session()
            self._client = self._session.client(
                "s3",
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"mode": "standard"},
                ),
            )

    @property
    def storage_options(self) -> dict[str, str] | None:
        """Polars reads as boto3 does: the same endpoint, region and, at this moment, credentials.

        Unlike boto3, polars does not follow a bucket to another region than the session's.
        """
        endpoint, region = self._client.meta.endpoint_url, self._session.region_name
        options = {"aws_region": region or "us-east-1"}
        if "amazonaws.com" not in endpoint:
            options["aws_endpoint_url"] = endpoint
        if endpoint.startswith("http://"):
            options["aws_allow_http"] = "true"
        with _explained(self._root, self.bucket):
            credentials = self._session.get_credentials()
            frozen = credentials.get_frozen_credentials() if credentials else None
        if frozen:
            options["aws_access_key_id"] = frozen.access_key
            options["aws_secret_access_key"] = frozen.secret_key
            if frozen.token:
                options["aws_session_token"] = frozen.token
        return options

    def location(self, name: str) -> str:
        return self._root + checked_name(name)

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileMissing:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._head(name)["ContentLength"])

    def sha256(self, name: str) -> str:
        checksum = self._head(name).get("ChecksumSHA256", "")
        if checksum and "-" not in checksum:  # with a number behind it: of parts, not of the file
            return b64decode(checksum).hex()
        return hashlib.sha256(self.read(name)).hexdigest()

    def stamp(self, name: str) -> str:
        return str(self._head(name)["ETag"])

    def read(self, name: str) -> bytes:
        with self._call(name) as key:
            return bytes(self._client.get_object(**key)["Body"].read())

    def write(self, name: str, content: bytes) -> None:
        with self._call(name) as key:
            checksum = b64encode(hashlib.sha256(content).digest()).decode()
            self._client.put_object(
                **key, Body=content, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum
            )

    def delete(self, name: str) -> None:
        with self._call(name) as key:
            self._client.delete_object(**key)

    def names(self, prefix: str) -> list[str]:
        if prefix:
            checked_name(prefix.rstrip("/"))
        below = self.prefix + (f"{prefix.rstrip('/')}/" if prefix else "")
        with _explained(self._root + prefix, self.bucket):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=below
            )
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        names = (key.removeprefix(self.prefix) for key in keys)
        return sorted(name for name in names if is_name(name))

    def _head(self, name: str) -> dict[str, Any]:
        with self._call(name) as key:
            try:
                answer: dict[str, Any] = self._client.head_object(**key, ChecksumMode="ENABLED")
            except ClientError as error:
                if _code(error) in MISSING:
                    # the answer to a header has no body, hence does not say what is missing
                    self._client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
                raise
        return answer

    @contextmanager
    def _call(self, name: str) -> Iterator[dict[str, str]]:
        """A call about one file: what names it to the store."""
        with _explained(self._root + checked_name(name), self.bucket):
            yield {"Bucket": self.bucket, "Key": self.prefix + name}


@contextmanager
def _explained(location: str, bucket: str) -> Iterator[None]:
    """Turn boto3's errors into this package's."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in MISSING:
            raise FileMissing(f"{location}: expected a file, was nothing there") from error
        was = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
        if code == "NoSuchBucket":
            raise StorageError(
                f"{location}: expected the bucket {bucket}, was none of that name ({was}): "
                "create it or correct the location"
            ) from error
        if code in NOT_ALLOWED:
            raise StorageError(
                f"{location}: no access ({was}): give these credentials s3:GetObject, "
                f"s3:PutObject, s3:DeleteObject and s3:ListBucket on {bucket}, or use others"
            ) from error
        raise StorageError(f"{location}: the store refuses ({was}): do it again later") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StorageError(
            f"{location}: expected AWS credentials, was {error}: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        ) from error
    except UNREACHABLE as error:
        raise StorageError(
            f"{location}: the store cannot be reached ({error}): see to the network and to "
            "AWS_ENDPOINT_URL and AWS_REGION, then do it again"
        ) from error
    except (BotoCoreError, ValueError) as error:  # the second: an endpoint that is no URL
        raise StorageError(
            f"{location}: expected settings that boto3 can use, was {error}: "
            "correct AWS_* or ~/.aws"
        ) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
