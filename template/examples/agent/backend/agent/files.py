"""Documents and reports, as objects in a bucket."""

from functools import cache
from typing import Any

from agent.outside import using
from agent.settings import settings


@cache
def client() -> Any:
    """The S3 client of this process."""
    # Here, because it takes a third of a second and the API is to start fast.
    import boto3
    from botocore.config import Config

    storage = settings().storage
    return boto3.session.Session().client(
        "s3",
        endpoint_url=storage.endpoint_url,
        region_name=storage.region,
        aws_access_key_id=storage.access_key_id,
        aws_secret_access_key=storage.secret_access_key.get_secret_value(),
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=3,
            read_timeout=30,
            retries={"total_max_attempts": 2},
            # Stores other than Amazon's do not know the checksums that are newer than MD5.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def outside() -> Any:
    """Around everything that asks the store."""
    from botocore.exceptions import BotoCoreError, ClientError

    return using("The object store", "Storage__…", BotoCoreError, ClientError)


def put(key: str, content: bytes, content_type: str) -> None:
    """Stores an object, in place of what was there. Raises OutsideError."""
    with outside():
        client().put_object(Bucket=settings().storage.bucket, Key=key, Body=content, ContentType=content_type)


def get(key: str) -> bytes:
    """Reads an object. Raises OutsideError."""
    with outside():
        found: bytes = client().get_object(Bucket=settings().storage.bucket, Key=key)["Body"].read()
        return found


def check() -> None:
    """Finds out whether the bucket is there and takes what is written. Raises OutsideError.

    By an object, and not by HEAD of the bucket: the answer to HEAD has no body that says what is wrong.
    """
    put("health/check", b"ok", "text/plain")
