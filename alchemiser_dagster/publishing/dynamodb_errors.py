"""boto3's errors in this package's words: what failed, and whether trying again can help."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from alchemiser_dagster.publishing.errors import PublishingInterrupted, PublishingRefused

TABLE_ABSENT = "ResourceNotFoundException"
CONDITION = "ConditionalCheckFailedException"
NOT_ALLOWED = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}
BUSY = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}
RIGHTS = "BatchGetItem, BatchWriteItem, PutItem and Query (on its indexes too)"


@contextmanager
def explained(table: str) -> Iterator[None]:
    """Turn errors of calls about `table` into PublishingRefused or PublishingInterrupted."""
    where = f"DynamoDB table {table}"
    try:
        yield
    except ClientError as error:
        raise _refusal(where, error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise PublishingRefused(
            f"{where}: expected AWS credentials, was {error}: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        ) from error
    except (ConnectionError, HTTPClientError) as error:
        raise PublishingInterrupted(
            f"{where}: cannot be reached ({error}): see to the network and to AWS_ENDPOINT_URL and "
            "AWS_REGION, then do it again"
        ) from error
    except (BotoCoreError, ValueError) as error:  # the second: an endpoint that is no URL
        raise PublishingRefused(
            f"{where}: expected settings that boto3 can use, was {error}: correct AWS_* or ~/.aws"
        ) from error


@contextmanager
def condition_failed() -> Iterator[list[str]]:
    """Swallow the failure of a conditional write; the list is then not empty."""
    failed: list[str] = []
    try:
        yield failed
    except ClientError as error:
        if _code(error) != CONDITION:
            raise
        failed.append(CONDITION)


def _refusal(where: str, error: ClientError) -> PublishingRefused | PublishingInterrupted:
    code = _code(error)
    was = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == TABLE_ABSENT:
        return PublishingRefused(
            f"{where}: expected a table of that name, was none ({was}): make it with "
            "`alchemiser create-tables`, or correct the setting"
        )
    if code in NOT_ALLOWED:
        return PublishingRefused(
            f"{where}: no access ({was}): give these credentials {RIGHTS}, or use others"
        )
    if code in BUSY or status >= 500:
        return PublishingInterrupted(f"{where}: too much to do ({was}): do it again later")
    return PublishingRefused(
        f"{where}: DynamoDB refuses ({was}): `alchemiser create-tables` says whether the table has "
        "the keys and indexes that are needed"
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
