"""Servers that contenders need, each started when the first one asks and stopped at the benchmark's end."""

import shutil
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from infra.servers.local_ca import LocalCa
from infra.servers.prefect_server import PrefectServer
from infra.servers.seaweedfs import SeaweedFs, ambient_credentials

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Surroundings:
    """Servers below `folder`, on loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)

    @cached_property
    def s3(self) -> SeaweedFs:
        """A real S3 server over TLS. Raises `ServerStartError`."""
        ca = LocalCa(self._folder / "ca")
        return SeaweedFs(self._folder / "s3", ca.ca_path, ca.issue("server")).start()

    @cached_property
    def prefect(self) -> PrefectServer:
        """A Prefect server. Raises `ServerStartError`."""
        return PrefectServer(self._folder / "prefect").start()

    @property
    def s3_environment(self) -> dict[str, str]:
        """What a client of the S3 server finds in its environment."""
        return ambient_credentials(self.s3.admin) | {"AWS_DEFAULT_REGION": self.s3.region}

    @cached_property
    def s3_client(self) -> "S3Client":
        """A stock client, to make and measure buckets with."""
        return boto3.client(
            "s3",
            endpoint_url=self.s3.url,
            region_name=self.s3.region,
            aws_access_key_id=self.s3.admin.access_key,
            aws_secret_access_key=self.s3.admin.secret_key,
            verify=str(self.s3.ca_path),
            config=Config(s3={"addressing_style": "path"}),
        )

    def bucket_size(self, bucket: str) -> int:
        """Bytes of all objects of a bucket."""
        pages = self.s3_client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sum(found["Size"] for page in pages for found in page.get("Contents", ()))

    def empty_bucket(self, bucket: str) -> None:
        """Make the bucket, or remove every object of it."""
        known = {found["Name"] for found in self.s3_client.list_buckets()["Buckets"]}
        if bucket not in known:
            self.s3_client.create_bucket(Bucket=bucket)
        pages = self.s3_client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for key in [found["Key"] for page in pages for found in page.get("Contents", ())]:
            self.s3_client.delete_object(Bucket=bucket, Key=key)

    def stop(self) -> None:
        """Stop what was started, and remove what it stored."""
        for name in ("s3", "prefect"):
            if name in self.__dict__:
                getattr(self, name).stop()
        shutil.rmtree(self._folder, ignore_errors=True)
