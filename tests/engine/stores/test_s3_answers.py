"""Every way S3 can say no, or not answer at all, ends in one error of the tree, and no foreign text gets through."""

import socket
from hashlib import sha256

import botocore.session
import pytest

from infra.servers.ports import LOOPBACK
from proofkeep.errors import (
    ClockError,
    DigestRefusedError,
    ObjectExistsError,
    ObjectMissingError,
    ProofkeepError,
    StoreCredentialsError,
    StoreDeniedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    TlsPolicyError,
    TransferFailedError,
    TruncatedError,
    UsageError,
)
from proofkeep.stores.s3 import S3Store
from proofkeep.tls import TlsPolicy
from proofkeep.tls.session import Patience
from tests.engine.stores.canned_s3 import CUT, Answer, CannedS3, failure, store_at
from tests.engine.stores.faulty_line import damaging_line, dead_line
from tests.servers.pki import Pki

BODY = b"sealed bytes"
DIGEST = sha256(BODY).digest()
ATTEMPTS = 3

NEVER_RETRIED = [
    (403, "AccessDenied", StoreDeniedError),
    (405, "MethodNotAllowed", StoreDeniedError),
    (400, "KMS.DisabledException", StoreDeniedError),
    (400, "ExpiredToken", StoreCredentialsError),
    (403, "InvalidAccessKeyId", StoreCredentialsError),
    (403, "SignatureDoesNotMatch", StoreCredentialsError),
    (403, "RequestTimeTooSkewed", ClockError),
    (412, "PreconditionFailed", ObjectExistsError),
    (400, "BadDigest", DigestRefusedError),
    (400, "XAmzContentSHA256Mismatch", DigestRefusedError),
    (507, "InsufficientStorage", StoreFullError),
    (409, "QuotaExceeded", StoreFullError),
    (404, "NoSuchBucket", UsageError),
    (400, "IncompleteBody", TransferFailedError),
    (418, "SomethingNew", StoreError),
]
RETRIED = [
    (503, "SlowDown", StoreUnavailableError),
    (429, "TooManyRequests", StoreUnavailableError),
    (500, "InternalError", StoreUnavailableError),
    (502, "BadGateway", StoreUnavailableError),
    (400, "RequestTimeout", TransferFailedError),
]


@pytest.mark.parametrize("status,code,kind", NEVER_RETRIED)
def test_refused_put_is_named_and_sent_once(
    canned: CannedS3, pki: Pki, status: int, code: str, kind: type[ProofkeepError]
) -> None:
    canned.answers.append(failure(status, code))

    with pytest.raises(ProofkeepError) as refusal:
        store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)

    assert type(refusal.value) is kind
    assert "payroll" not in str(refusal.value)
    assert [request.method for request in canned.requests] == ["PUT"]


@pytest.mark.parametrize("status,code,kind", RETRIED)
def test_passing_trouble_is_tried_again_and_then_named(
    canned: CannedS3, pki: Pki, status: int, code: str, kind: type[ProofkeepError]
) -> None:
    canned.answers.extend([failure(status, code)] * ATTEMPTS)

    with pytest.raises(ProofkeepError) as refusal:
        store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)

    assert type(refusal.value) is kind
    assert refusal.value.retryable
    assert len(canned.requests) == ATTEMPTS


def test_passing_trouble_that_passes_is_not_seen(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([failure(503, "SlowDown"), CUT, Answer(headers={"x-amz-version-id": "v1"})])

    placed = store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)

    assert placed.version_id == "v1"
    assert [request.body for request in canned.requests] == [BODY] * 3


@pytest.mark.parametrize("code", ["a" * 65, "payroll xls", ""])
def test_code_that_does_not_look_like_one_is_not_repeated(canned: CannedS3, pki: Pki, code: str) -> None:
    canned.answers.append(failure(418, code))

    with pytest.raises(StoreError, match=r"^object packs/0 was answered with (unknown|418) \(418\)$"):
        store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)


def test_answer_without_a_body_is_asked_about(canned: CannedS3, pki: Pki) -> None:
    look_for_another_region = Answer(400)  # botocore's first guess
    canned.answers.extend([Answer(400), look_for_another_region, failure(400, "ExpiredToken")])

    with pytest.raises(StoreCredentialsError, match="ExpiredToken"):
        store_at(canned.url, pki).stat("packs/0")


def test_forbidden_answer_without_a_body_is_a_denial_where_listing_is_allowed(canned: CannedS3, pki: Pki) -> None:
    empty = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    canned.answers.extend([Answer(403), Answer(body=empty)])

    with pytest.raises(StoreDeniedError):
        store_at(canned.url, pki).stat("packs/0")


def test_absent_credentials_are_named(canned: CannedS3, pki: Pki) -> None:
    store = S3Store(
        "canned",
        tls=TlsPolicy(pki.ca_path),
        endpoint_url=canned.url,
        region="us-east-1",
        session=botocore.session.Session(),
    )

    with pytest.raises(StoreCredentialsError):
        store.put("packs/0", BODY, sha256=DIGEST)

    assert canned.requests == []


def test_store_that_is_not_there_is_unavailable(pki: Pki) -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        url = f"https://localhost:{unused.getsockname()[1]}"

        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            store_at(url, pki).stat("packs/0")


def test_line_that_closes_at_once_may_be_tried_again(pki: Pki) -> None:
    with dead_line() as port, pytest.raises(TransferFailedError, match="the transfer broke off"):
        store_at(f"https://localhost:{port}", pki).stat("packs/0")


def test_bit_flipped_on_the_line_never_arrives_and_may_be_tried_again(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([Answer(body=bytes(100_000))] * ATTEMPTS)

    with damaging_line(canned.server_address[1]) as port, pytest.raises(TransferFailedError):
        store_at(f"https://localhost:{port}", pki).get("packs/0")

    assert len(canned.requests) == ATTEMPTS


def test_host_name_that_does_not_resolve_is_unavailable(pki: Pki) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        store_at("https://store.invalid", pki).stat("packs/0")


def test_bucket_name_that_cannot_be_is_a_usage_error(canned: CannedS3, pki: Pki) -> None:
    with pytest.raises(UsageError):
        store_at(canned.url, pki, bucket="not a bucket").stat("packs/0")


def test_endpoint_without_tls_in_the_environment_is_refused(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://localhost:1")

    with pytest.raises(TlsPolicyError):
        S3Store("canned", tls=TlsPolicy(pki.ca_path), region="us-east-1")


def test_missing_object_is_missing_for_every_way_of_reading(canned: CannedS3, pki: Pki) -> None:
    store = store_at(canned.url, pki)
    canned.answers.extend([failure(404, "NoSuchKey"), failure(404, "NoSuchVersion"), Answer(404)])

    with pytest.raises(ObjectMissingError, match="object packs/0 does not exist"):
        store.get("packs/0")
    with pytest.raises(ObjectMissingError):
        list(store.read("packs/0", version_id="gone"))
    with pytest.raises(ObjectMissingError):
        store.stat("packs/0")


def test_body_that_breaks_off_is_read_again_by_get(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([Answer(body=BODY, send=5), Answer(body=BODY)])

    assert store_at(canned.url, pki).get("packs/0") == BODY


def test_body_that_breaks_off_for_good_is_a_failed_transfer(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([Answer(body=BODY, send=5)] * ATTEMPTS)

    with pytest.raises(TransferFailedError):
        store_at(canned.url, pki).get("packs/0")


def test_stream_that_breaks_off_is_a_failed_transfer(canned: CannedS3, pki: Pki) -> None:
    canned.answers.append(Answer(body=BODY * 200_000, send=1_500_000))

    with pytest.raises(TransferFailedError):
        list(store_at(canned.url, pki).read("packs/0"))


def test_stream_without_a_length_is_not_trusted(canned: CannedS3, pki: Pki) -> None:
    canned.answers.append(Answer(body=b"0\r\n\r\n", headers={"Content-Length": "", "Transfer-Encoding": "chunked"}))

    with pytest.raises(TransferFailedError):
        list(store_at(canned.url, pki).read("packs/0"))


def test_server_that_ignores_a_range_is_not_believed(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([Answer(body=BODY)] * ATTEMPTS)

    with pytest.raises(TransferFailedError, match="asked for from byte 3"):
        store_at(canned.url, pki).get("packs/0", offset=3, length=2)


def test_range_cut_short_by_the_objects_end_is_truncated(canned: CannedS3, pki: Pki) -> None:
    canned.answers.append(Answer(206, BODY[8:], {"Content-Range": "bytes 8-11/12"}))

    with pytest.raises(TruncatedError, match="ends at byte 12"):
        store_at(canned.url, pki).get("packs/0", offset=8, length=100)


def test_stalled_answer_ends_at_its_deadline(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([Answer(body=b"", headers={"Content-Length": "9"})] * ATTEMPTS)

    with pytest.raises(TransferFailedError):
        store_at(canned.url, pki, patience=Patience(read_seconds=0.3)).get("packs/0")


def test_store_that_does_not_confirm_its_kms_key_is_refused(canned: CannedS3, pki: Pki) -> None:
    canned.answers.append(Answer())

    with pytest.raises(StoreError, match="not under the KMS key"):
        store_at(canned.url, pki, sse_kms_key_id="store-key").put("packs/0", BODY, sha256=DIGEST)

    assert canned.requests[0].headers["x-amz-server-side-encryption-aws-kms-key-id"] == "store-key"


def test_listing_out_of_order_is_refused(canned: CannedS3, pki: Pki) -> None:
    entry = "<Contents><Key>{}</Key><Size>1</Size><LastModified>2026-11-23T00:00:00Z</LastModified></Contents>"
    found = "".join(entry.format(name) for name in ("x/a/b", "x/a.b"))
    listing = f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
    canned.answers.append(Answer(body=listing.encode()))

    with pytest.raises(StoreError, match=r"out of order: x/a\.b comes after x/a/b"):
        list(store_at(canned.url, pki).list("x/"))


@pytest.mark.parametrize(
    "body,told",
    [
        (b"", "listing of x/ was cut off"),
        (b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "does not say where it goes on"),
    ],
    ids=["nothing came", "more is left"],
)
def test_listing_that_ends_early_is_no_end(canned: CannedS3, pki: Pki, body: bytes, told: str) -> None:
    canned.answers.append(Answer(body=body))

    with pytest.raises(TransferFailedError, match=told):
        list(store_at(canned.url, pki).list("x/"))
