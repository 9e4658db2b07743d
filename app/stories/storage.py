"""Recordings in an S3 bucket."""

from collections.abc import Mapping
from functools import cached_property
from typing import IO, Any

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, current_app

LINK_SECONDS = 12 * 3600  # as long as somebody may leave the page open
# One part of the file in memory at a time, however long the story is.
ONE_PART_AT_A_TIME = TransferConfig(use_threads=False)


class StorageError(Exception):
    """The object store did not do what it was asked to do."""


class Storage:
    """One bucket, seen from two sides: this process writes, the visitor's browser reads."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.bucket: str = config["S3_BUCKET"]

    @cached_property
    def _inside(self) -> BaseClient:
        return self._client(self.config["S3_ENDPOINT_URL"])

    @cached_property
    def _public(self) -> BaseClient:
        """Signs links. The signature covers the host name, so it must be the browser's one."""
        return self._client(self.config["S3_PUBLIC_URL"])

    def _client(self, endpoint: str | None) -> BaseClient:
        # A session of its own: boto3's default session must not be shared between threads.
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=self.config["S3_REGION"],
            aws_access_key_id=self.config["S3_ACCESS_KEY_ID"],
            aws_secret_access_key=self.config["S3_SECRET_ACCESS_KEY"],
            config=Config(
                signature_version="s3v4",
                # http://host/bucket/key: an emulator has no name for each bucket.
                s3={"addressing_style": "path"},
                connect_timeout=3,
                read_timeout=30,
                # Waiting is the task's business, which can tell the visitor about it.
                retries={"total_max_attempts": 2},
            ),
        )

    def ensure_bucket(self) -> None:
        """Make the bucket unless it is there. Cheap, and quick to notice that the store is away."""
        try:
            self._inside.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise self._error("is not accessible", error) from error
            self._create_bucket()
        except BotoCoreError as error:
            raise self._error("cannot be reached", error) from error

    def _create_bucket(self) -> None:
        region = self.config["S3_REGION"]
        # Amazon wants the region named, unless it is the first one, which it refuses to have named.
        where = (
            {}
            if region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        try:
            self._inside.create_bucket(Bucket=self.bucket, **where)
        except (
            self._inside.exceptions.BucketAlreadyOwnedByYou,
            self._inside.exceptions.BucketAlreadyExists,
        ):
            pass  # another worker was faster
        except (BotoCoreError, ClientError) as error:
            raise self._error("cannot be created", error) from error

    def upload(self, file: IO[bytes], key: str, content_type: str) -> None:
        """Put a file into the bucket under `key`, in place of what was there."""
        try:
            self._inside.upload_fileobj(
                file,
                self.bucket,
                key,
                ExtraArgs={"ContentType": content_type},
                Config=ONE_PART_AT_A_TIME,
            )
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise self._error("did not take the recording", error) from error

    def link(self, key: str) -> str:
        """A link that lets a browser read this one object for a while. No network involved."""
        return self._public.generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=LINK_SECONDS
        )

    def _error(self, what: str, cause: Exception) -> StorageError:
        return StorageError(f"The S3 bucket “{self.bucket}” {what} ({type(cause).__name__}).")


def init_app(app: Flask) -> None:
    app.extensions["storage"] = Storage(app.config)


def current_storage() -> Storage:
    return current_app.extensions["storage"]
