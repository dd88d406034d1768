"""One prefix of one bucket: the requests that read, with their answers made sure of and their errors translated."""

import base64
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from proofkeep.errors import ObjectMissingError, TransferFailedError, TruncatedError
from proofkeep.model import ObjectStat
from proofkeep.stores.bodies import refuse_huge
from proofkeep.stores.s3_errors import status_of, translating
from proofkeep.stores.s3_listing import instant, start_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BAD_REQUEST, FORBIDDEN, RANGE_NOT_SATISFIABLE = 400, 403, 416


class Bucket:
    """Requests about objects below `prefix`, which is empty or ends in a slash."""

    def __init__(self, client: "S3Client", name: str, prefix: str, place: str) -> None:
        """`place` names the bucket in errors."""
        self._client = client
        self._name = name
        self._prefix = prefix
        self._place = place

    def identified(self, name: str, version_id: str | None = None) -> dict[str, Any]:
        """The arguments of a request that say which object is meant."""
        identified = {"Bucket": self._name, "Key": self._prefix + name}
        return identified if version_id is None else {**identified, "VersionId": version_id}

    def translating(self, subject: str) -> AbstractContextManager[None]:
        """Raise every foreign error of the block translated."""
        return translating(subject, self._place)

    def stat(self, name: str, version_id: str | None) -> ObjectStat:
        """HEAD. Raises `ObjectMissingError`."""
        with self.translating(f"object {name}"):
            try:
                answer = self._client.head_object(**self.identified(name, version_id), ChecksumMode="ENABLED")
            except ClientError as error:
                self._explain(error, name, version_id)
                raise
        checksum = answer.get("ChecksumSHA256", "-")
        return ObjectStat(
            name=name,
            size=answer["ContentLength"],
            version_id=answer.get("VersionId"),
            sha256=None if "-" in checksum else base64.b64decode(checksum),  # "-n" marks one of n parts
            modified_ns=instant(answer["LastModified"]),
        )

    def _explain(self, error: ClientError, name: str, version_id: str | None) -> None:
        """Ask why: the answer to a HEAD has no body, and 400 or 403 may be anything from a typo to an expiry."""
        if status_of(error) not in {BAD_REQUEST, FORBIDDEN}:
            return
        self._client.list_objects_v2(Bucket=self._name, Prefix=self._prefix + name, MaxKeys=1)
        if status_of(error) == BAD_REQUEST and version_id is not None:
            raise ObjectMissingError(f"object {name} does not exist in version {version_id}")

    def whole(self, name: str, version_id: str | None, *, at_once: bool = False) -> StreamingBody:
        """GET, for reading to its end within `translating`; whoever reads closes it.

        Raises:
            TruncatedError: it is to be read at once, and too large for that.
        """
        answer = self._client.get_object(**self.identified(name, version_id))
        if "ContentLength" not in answer:
            raise TransferFailedError(f"object {name} comes without its length")
        if at_once:
            self._refuse_huge(name, answer)
        return answer["Body"]

    @staticmethod
    def _refuse_huge(name: str, answer: Any) -> None:
        try:
            refuse_huge(name, answer["ContentLength"])
        except TruncatedError:
            answer["Body"].close()
            raise

    def span(self, name: str, offset: int, length: int | None, version_id: str | None) -> bytes:
        """GET of a range, not empty. Raises `TruncatedError` if the object ends before it does."""
        last = "" if length is None else offset + length - 1
        with self.translating(f"object {name}"):
            try:
                answer = self._client.get_object(**self.identified(name, version_id), Range=f"bytes={offset}-{last}")
            except ClientError as error:
                if status_of(error) != RANGE_NOT_SATISFIABLE:
                    raise
                raise TruncatedError(f"object {name} ends before byte {offset + 1}") from None
            if not answer.get("ContentRange", "").startswith(f"bytes {offset}-"):
                raise TransferFailedError(f"object {name} was asked for from byte {offset} and came otherwise")
            if length is None:
                self._refuse_huge(name, answer)
            content = answer["Body"].read()
        if length is not None and len(content) < length:
            raise TruncatedError(f"object {name} ends at byte {offset + len(content)}")
        if len(content) != answer.get("ContentLength"):
            raise TransferFailedError(f"object {name} came with another length than it was said to have")
        return content

    def listed(self, prefix: str, after: str, subject: str) -> Iterator[tuple[str, int, datetime]]:
        """Names, sizes and instants in the store's order; some up to `after` may be among them.

        Raises:
            TransferFailedError: a page ends early.
        """
        asked: dict[str, Any] = {"Bucket": self._name, "Prefix": self._prefix + prefix}
        if start := start_of(after):
            asked["StartAfter"] = self._prefix + start
        pages = self._client.get_paginator("list_objects_v2").paginate(**asked)
        with self.translating(subject):
            for page in pages:
                if "IsTruncated" not in page:  # the SDK takes an answer without a body for one without objects
                    raise TransferFailedError(f"{subject} was cut off")
                if page["IsTruncated"] and not page.get("NextContinuationToken"):
                    raise TransferFailedError(f"{subject} does not say where it goes on")
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self._prefix), found["Size"], found["LastModified"]
