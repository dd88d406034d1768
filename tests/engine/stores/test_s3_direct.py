"""Reading without the SDK: only what is plain; everything else is asked again by the SDK, and told in its words."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proofkeep.errors import ObjectMissingError, PeerIdentityError, StoreError, TruncatedError
from proofkeep.ports import ObjectStore
from proofkeep.stores.bodies import WHOLE
from proofkeep.stores.s3_direct import DirectS3Store, open_directly
from proofkeep.tls import TlsPolicy
from tests.engine.stores.canned_s3 import CUT, Answer, CannedS3, failure, store_at
from tests.servers.pki import Pki

BODY = b"sealed bytes"
ENTRY = "<Contents><Key>{}</Key><Size>1</Size><LastModified>2026-11-23T00:00:00.000Z</LastModified></Contents>"


class NeededError(Exception):
    """The SDK was asked for."""


def needed() -> ObjectStore:
    raise NeededError


@pytest.fixture(autouse=True)
def ambient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials as a unit's environment has them, and nothing else of AWS's."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")


def direct(
    url: str, pki: Pki, sdk: Callable[[], ObjectStore] = needed, *, region: str | None = "here"
) -> DirectS3Store:
    store = open_directly("canned", "", sdk, tls=TlsPolicy(pki.ca_path), endpoint_url=url, region=region)
    assert store is not None
    return store


def listing(*keys: str, following: str = "", more: str = "") -> Answer:
    rest = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    entries = "".join(map(ENTRY.format, keys))
    truncated = more or ("true" if following else "false")
    body = f'<ListBucketResult xmlns="x"><IsTruncated>{truncated}</IsTruncated>{rest}{entries}</ListBucketResult>'
    return Answer(body=body.encode())


def test_plain_answers_take_no_sdk_and_one_connection(canned: CannedS3, pki: Pki) -> None:
    store = direct(canned.url, pki)
    canned.answers.extend(
        [Answer(body=BODY), Answer(206, BODY[2:5], {"Content-Range": "bytes 2-4/12"}), Answer(404), listing("a/1")]
    )

    assert store.get("packs/0", version_id="v 1") == BODY
    assert store.get("packs/0", offset=2, length=3) == BODY[2:5]
    with pytest.raises(ObjectMissingError, match="object packs/1 does not exist"):
        store.stat("packs/1")
    assert [found.name for found in store.list("a/", after="a/0")] == ["a/1"]
    assert [request.path for request in canned.requests] == [
        "/canned/packs/0?versionId=v%201",
        "/canned/packs/0",
        "/canned/packs/1",
        "/canned?encoding-type=url&list-type=2&prefix=a%2F&start-after=a%2F0",
    ]
    assert len({request.port for request in canned.requests}) == 1
    assert store.clock is not None
    assert store.tls is not None


@pytest.mark.parametrize(
    "answer",
    [
        CUT,
        Answer(body=BODY, send=5),
        Answer(206, BODY, {"Content-Range": "bytes 0-11/12"}),
        Answer(body=b"c\r\nsealed bytes\r\n0\r\n\r\n", headers={"Content-Length": "", "Transfer-Encoding": "chunked"}),
        Answer(body=BODY, headers={"Content-Length": str(WHOLE + 1)}, send=12),
        Answer(301, headers={"Location": "https://localhost:1/"}),
        failure(403, "AccessDenied"),
        failure(503, "SlowDown"),
    ],
)
def test_answer_that_is_not_plain_hands_over_to_the_sdk_for_good(canned: CannedS3, pki: Pki, answer: Answer) -> None:
    store = direct(canned.url, pki, lambda: store_at(canned.url, pki))
    canned.answers.extend([answer, Answer(body=BODY), Answer(body=BODY)])

    assert [store.get("packs/0"), store.get("packs/0")] == [BODY, BODY]
    assert ["Botocore" in request.headers.get("User-Agent", "") for request in canned.requests] == [False, True, True]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=BODY),
        Answer(206, BODY[3:5], {"Content-Range": "bytes 3-4/12"}),
        Answer(206, BODY[2:4], {"Content-Range": "bytes 2-3/12"}),
        Answer(206, BODY[2:5]),
        failure(416, "InvalidRange"),
    ],
)
def test_range_that_is_not_exactly_what_was_asked_for_is_not_believed(
    canned: CannedS3, pki: Pki, answer: Answer
) -> None:
    canned.answers.append(answer)

    with pytest.raises(NeededError):
        direct(canned.url, pki).get("packs/0", offset=2, length=3)


def test_errors_are_told_in_the_words_of_the_sdks_adapter(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([failure(404, "NoSuchKey")] * 2 + [failure(416, "InvalidRange")])
    store = direct(canned.url, pki, lambda: store_at(canned.url, pki))

    with pytest.raises(ObjectMissingError, match="object packs/0 does not exist"):
        store.get("packs/0")
    with pytest.raises(TruncatedError, match="ends before byte 10"):
        store.get("packs/0", offset=9, length=1)


def test_listing_goes_on_page_by_page(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([listing("a/1", "a/2", following="t+1"), listing("a/3")])

    assert [found.name for found in direct(canned.url, pki).list("a/")] == ["a/1", "a/2", "a/3"]
    assert "continuation-token=t%2B1" in canned.requests[1].path


def test_keys_are_decoded_where_the_answer_says_that_they_are_encoded(canned: CannedS3, pki: Pki) -> None:
    encoded = listing("a%2F1", "a/%41").body.replace(b"</IsT", b"</IsT", 1)
    said = encoded.replace(b"</ListBucketResult>", b"<EncodingType>url</EncodingType></ListBucketResult>")
    canned.answers.append(Answer(body=said))

    assert [found.name for found in direct(canned.url, pki).list("a/")] == ["a/1"]


@pytest.mark.parametrize(
    "answer",
    [
        listing("a/2", following="t"),
        listing("a/2", more="true"),
        Answer(body=b"<ListBucketResult>"),
        Answer(body=b"<ListBucketResult></ListBucketResult>"),
        Answer(body=listing("a/2").body.replace(b"<Size>1</Size>", b"")),
        Answer(body=listing("a/2").body.replace(b"00.000Z", b"00")),
        Answer(body=b'<!DOCTYPE x [<!ENTITY e "1">]>' + listing("a/2").body),
        failure(503, "SlowDown"),
        CUT,
    ],
)
def test_listing_that_is_not_plain_goes_on_by_the_sdk(canned: CannedS3, pki: Pki, answer: Answer) -> None:
    store = direct(canned.url, pki, lambda: store_at(canned.url, pki))
    canned.answers.extend([listing("a/1", following="t"), answer, listing("a/1", "a/2", "a/3")])

    assert [found.name for found in store.list("a/")] == ["a/1", "a/2", "a/3"]


def test_page_that_goes_back_behind_the_one_before_is_refused(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([listing("a/b/1", following="on"), listing("a/b.1", "a/c")])

    with pytest.raises(StoreError, match="out of order"):
        list(direct(canned.url, pki).list("a/"))


def test_page_that_comes_again_under_new_tokens_is_refused(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([listing("a/1", following="on"), listing("a/1", following="and on")])

    with pytest.raises(StoreError, match="out of order"):
        list(direct(canned.url, pki).list("a/"))


def test_listing_out_of_order_is_refused(canned: CannedS3, pki: Pki) -> None:
    canned.answers.append(listing("x/a/b", "x/a.b"))

    with pytest.raises(StoreError, match=r"out of order: x/a\.b comes after x/a/b"):
        list(direct(canned.url, pki).list("x/"))


def test_server_of_another_ca_is_refused_without_the_sdk(canned: CannedS3, pki: Pki) -> None:
    store = open_directly(
        "canned", "", needed, tls=TlsPolicy(pki.rogue_ca.ca_path), endpoint_url=canned.url, region="here"
    )
    assert store is not None

    with pytest.raises(PeerIdentityError, match="not trusted"):
        store.get("packs/0")
    assert canned.requests == []


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_CREDENTIAL_EXPIRATION", "AWS_SECURITY_TOKEN"])
def test_environment_that_says_more_is_left_to_the_sdk(pki: Pki, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "more")

    assert at("https://localhost:1", pki) is None


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_credentials_in_part_are_left_to_the_sdk(pki: Pki, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)

    assert at("https://localhost:1", pki) is None


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_credentials_that_no_header_can_hold_are_left_to_the_sdk(
    pki: Pki, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "read with its line's end\n")

    assert at("https://localhost:1", pki) is None


def test_empty_token_is_none(canned: CannedS3, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "")
    canned.answers.append(Answer(body=BODY))

    assert direct(canned.url, pki).get("packs/0") == BODY
    assert "X-Amz-Security-Token" not in canned.requests[0].headers


def test_files_of_aws_are_left_to_the_sdk(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()

    assert at("https://localhost:1", pki) is None


@pytest.mark.parametrize(
    "url", ["https://s3.eu-central-1.amazonaws.com", "https://localhost:1/below", "https://[::1]:1"]
)
def test_aws_and_addresses_out_of_the_way_are_left_to_the_sdk(pki: Pki, url: str) -> None:
    assert at(url, pki) is None


@pytest.mark.parametrize("bucket", ["arn:aws:s3:::b", "a/b", "Upper", "b?x"])
def test_bucket_that_is_no_plain_name_is_left_to_the_sdk(pki: Pki, bucket: str) -> None:
    assert at("https://localhost:1", pki, bucket=bucket) is None
    assert direct("https://localhost:1", pki).sibling(bucket, "", needed) is None


def at(url: str, pki: Pki, *, bucket: str = "canned") -> ObjectStore | None:
    return open_directly(bucket, "", needed, tls=TlsPolicy(pki.ca_path), endpoint_url=url, region="here")


def test_sibling_reads_its_bucket_over_the_same_connection(canned: CannedS3, pki: Pki) -> None:
    store = direct(canned.url, pki)
    other = store.sibling("other", "below", needed)
    canned.answers.extend([Answer(body=BODY)] * 2)

    assert other is not None
    assert [store.get("a"), other.get("a")] == [BODY, BODY]
    assert [request.path for request in canned.requests] == ["/canned/a", "/other/below/a"]
    assert len({request.port for request in canned.requests}) == 1
    assert other.location.neighbourhood == store.location.neighbourhood
    assert other.location.place.endswith("/other")


def test_sdk_is_not_loaded() -> None:
    program = "import sys, proofkeep.stores.s3_direct; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert {"botocore", "boto3", "urllib3"} & {*loaded} == set()
