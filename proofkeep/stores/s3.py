"""An object store in an S3 bucket, over TLS only.

One object is one create-only PutObject: never multipart, whose checksum is a composite. The SHA-256 sent with it
also signs it. Requests are tried three times by botocore, broken answers of `get` likewise, those of `read` not.

IAM actions, on the bucket's prefix:

    backup            s3:PutObject, s3:GetObject, s3:GetObjectVersion; s3:PutObjectRetention where objects are locked
    verify, restore   s3:GetObject, s3:GetObjectVersion
    retention         as verify, and s3:DeleteObject, s3:DeleteObjectVersion
    all               s3:ListBucket, without which S3 answers "denied" for what is missing
    SSE-KMS           kms:GenerateDataKey to write, kms:Decrypt to read and to be told a SHA-256, both only by S3
"""

import base64
import hashlib
import math
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from proofkeep.errors import (
    DigestRefusedError,
    ObjectExistsError,
    ObjectMissingError,
    StoreDeniedError,
    StoreError,
    StoreUnavailableError,
    TransferFailedError,
    TruncatedError,
)
from proofkeep.model import Clock, Location, ObjectStat, Placed, TlsSession
from proofkeep.ports import Body, Watch, unwatched
from proofkeep.stores.bandwidth import Bandwidth, paced
from proofkeep.stores.bodies import PIECE, size_of, stream
from proofkeep.stores.names import require_name, require_prefix
from proofkeep.stores.s3_bucket import Bucket
from proofkeep.stores.s3_errors import is_conflict, retries_of, status_of
from proofkeep.stores.s3_listing import in_order
from proofkeep.stores.s3_location import locate
from proofkeep.stores.s3_signing import sign_with_given_digest
from proofkeep.tls import TlsPolicy
from proofkeep.tls.aws import CONNECTIONS, open_client
from proofkeep.tls.session import PATIENCE, Patience

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GET_ATTEMPTS = 3
NANOSECONDS = 1_000_000_000

PRECONDITION_FAILED = 412


class S3Store:
    """Objects below `prefix` in one bucket. Safe to use from several threads.

    Args:
        bucket: it must exist.
        prefix: before every object's name; a slash is put between if it has none.
        tls: for every connection.
        endpoint_url: https; None for AWS itself. Another store than AWS is addressed by path, not by host name.
        region: None takes the configuration's.
        session: credentials; None takes the ambient chain.
        sse_kms_key_id: ask for SSE-KMS under this key, and refuse a store that does not confirm it.
        connections: how many threads use the store at once.
        patience: timeouts, and attempts of one request.
        bandwidth: what is sent waits for it, by default for nothing.

    Raises:
        UsageError, TlsPolicyError: as `proofkeep.tls.aws.open_client`.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        tls: TlsPolicy,
        endpoint_url: str | None = None,
        region: str | None = None,
        session: botocore.session.Session | None = None,
        sse_kms_key_id: str | None = None,
        connections: int = CONNECTIONS,
        patience: Patience = PATIENCE,
        bandwidth: Bandwidth | None = None,
    ) -> None:
        client, self._recorder = open_client(
            "s3",
            tls,
            endpoint_url=endpoint_url,
            region=region,
            session=session,
            config=Config(s3={"addressing_style": "path"}) if endpoint_url else None,
            connections=connections,
            patience=patience,
        )
        sign_with_given_digest(client.meta.events)
        self._client: S3Client = client
        self._session = session
        self._lie_in(bucket, prefix, sse_kms_key_id, bandwidth)

    def _lie_in(self, bucket: str, prefix: str, sse_kms_key_id: str | None, bandwidth: Bandwidth | None) -> None:
        self._location = locate(self._client, bucket, self._session)
        below = require_name(prefix.removesuffix("/")) + "/" if prefix else ""
        self._bucket = Bucket(self._client, bucket, below, self._location.place)
        self._sse_kms_key_id = sse_kms_key_id
        self._bandwidth = bandwidth

    def sibling(
        self,
        bucket: str,
        prefix: str = "",
        *,
        sse_kms_key_id: str | None = None,
        bandwidth: Bandwidth | None = None,
    ) -> Self:
        """The store in another bucket of the same service, over the client and the connections of this one.

        A client costs 0.1 s to make. `clock` and `tls` are then of the latest answer to either.
        """
        other = copy(self)
        other._lie_in(bucket, prefix, sse_kms_key_id, bandwidth)  # noqa: SLF001 - one of ours
        return other

    @property
    def location(self) -> Location:
        """Place is the bucket: two prefixes of one bucket are one place."""
        return self._location

    @property
    def clock(self) -> Clock | None:
        """The `Date` of the latest answer."""
        return self._recorder.clock

    @property
    def tls(self) -> TlsSession | None:
        """See the port."""
        return self._recorder.session

    def put(
        self,
        name: str,
        body: Body,
        *,
        sha256: bytes,
        retain_until_ns: int | None = None,
        replace: bool = False,
        watch: Watch = unwatched,
    ) -> Placed:
        """See the port. `checked` is True where the answer states the SHA-256 that was sent.

        An answer may be lost after the store took the object; the request, sent again, then finds the name taken.
        What is there counts as placed if it has this size and SHA-256 (stated, or else read back).
        """
        size = size_of(body, require_name(name))
        wishes = self._wishes(sha256, retain_until_ns, replace=replace)
        with stream(body, name) as content, self._bucket.translating(f"object {name}"):
            sent: Any = paced(content, self._bandwidth, watch)
            asked = self._bucket.identified(name) | wishes | {"Body": sent, "ContentLength": size}
            try:
                answer = self._client.put_object(**asked)
            except ClientError as error:
                if not _perhaps_ours(error):
                    raise
                return self._settle(name, size, sha256)
        return self._placed(name, sha256, answer)

    def get(self, name: str, *, offset: int = 0, length: int | None = None, version_id: str | None = None) -> bytes:
        """See the port."""
        require_name(name)
        if length == 0:
            return self._nothing(name, offset, version_id)
        for _ in range(GET_ATTEMPTS - 1):
            try:
                return self._get(name, offset, length, version_id)
            except TransferFailedError:
                continue
        return self._get(name, offset, length, version_id)

    def read(self, name: str, *, version_id: str | None = None) -> Iterator[bytes]:
        """See the port."""
        with self._bucket.translating(f"object {require_name(name)}"):
            body = self._bucket.whole(name, version_id)
            try:
                while piece := body.read(PIECE):
                    yield piece
            finally:
                body.close()

    def stat(self, name: str, *, version_id: str | None = None) -> ObjectStat:
        """See the port. Under SSE-KMS the SHA-256 takes the right to use the store's key."""
        return self._bucket.stat(require_name(name), version_id)

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectStat]:
        """See the port.

        A store that lists by folder, as SeaweedFS does, agrees with bytewise order while no folder's name is the
        beginning of its neighbour's. So it is with the format's names; where it is not, `StoreError` is raised.
        """
        subject = f"listing of {require_prefix(prefix) or 'the store'}"
        yield from in_order(self._bucket.listed(prefix, after, subject), after, subject)

    def delete(self, name: str) -> None:
        """See the port; in a bucket with versions, every version. An object that is gone already is no error."""
        removed: set[str | None] = set()
        while True:
            try:
                version = self.stat(name).version_id
            except ObjectMissingError:
                return
            if version in removed:
                raise StoreDeniedError(f"object {name} is still there after it was removed")
            removed.add(version)
            with self._bucket.translating(f"object {name}"):
                self._client.delete_object(**self._bucket.identified(name, version))

    def _wishes(self, sha256: bytes, retain_until_ns: int | None, *, replace: bool) -> dict[str, Any]:
        """What a put asks of the store besides keeping the bytes."""
        wishes: dict[str, Any] = {
            "ContentType": "application/octet-stream",
            "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": base64.b64encode(sha256).decode(),
        }
        if not replace:
            wishes["IfNoneMatch"] = "*"
        if self._sse_kms_key_id is not None:
            wishes |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._sse_kms_key_id}
        if retain_until_ns is not None:
            until = datetime.fromtimestamp(math.ceil(retain_until_ns / NANOSECONDS), UTC)
            wishes |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        return wishes

    def _placed(self, name: str, sha256: bytes, answer: Any) -> Placed:
        stated = answer.get("ChecksumSHA256")
        if stated is not None and base64.b64decode(stated) != sha256:
            raise DigestRefusedError(f"object {name} is stored under another digest than was sent")
        if self._sse_kms_key_id is not None and answer.get("ServerSideEncryption") != "aws:kms":
            raise StoreError(f"object {name} is stored, but not under the KMS key that was asked for")
        return Placed(answer.get("VersionId"), self._recorder.session, checked=stated is not None)

    def _settle(self, name: str, size: int, sha256: bytes) -> Placed:
        """Find out whether the object that a repeated put met is its own."""
        try:
            held = self.stat(name)
        except ObjectMissingError:
            raise StoreUnavailableError(f"object {name} was being written by another request") from None
        if held.size != size or sha256 != (held.sha256 or self._digest(name, held.version_id)):
            raise ObjectExistsError(f"object {name} exists")
        return Placed(held.version_id, self._recorder.session, checked=held.sha256 is not None)

    def _digest(self, name: str, version_id: str | None) -> bytes:
        digest = hashlib.sha256()
        for piece in self.read(name, version_id=version_id):
            digest.update(piece)
        return digest.digest()

    def _get(self, name: str, offset: int, length: int | None, version_id: str | None) -> bytes:
        if offset == 0 and length is None:
            with self._bucket.translating(f"object {name}"):
                return self._bucket.whole(name, version_id, at_once=True).read()
        try:
            return self._bucket.span(name, offset, length, version_id)
        except TruncatedError:
            if length is not None:
                raise
            return self._nothing(name, offset, version_id)

    def _nothing(self, name: str, offset: int, version_id: str | None) -> bytes:
        """The nothing at `offset`, which may be the very end but not beyond."""
        if offset > self.stat(name, version_id=version_id).size:
            raise TruncatedError(f"object {name} ends before byte {offset}")
        return b""


def _perhaps_ours(error: ClientError) -> bool:
    """Whether an earlier attempt of the same put may have taken the name, or another request left it again."""
    return is_conflict(error) or (status_of(error) == PRECONDITION_FAILED and retries_of(error) > 0)
