"""A put whose answer is lost is sent again and finds the name taken: by itself, or by somebody else."""

import base64
from hashlib import sha256
from pathlib import Path

import pytest

from proofkeep.errors import ObjectExistsError, StoreUnavailableError, TransferFailedError
from tests.engine.stores.canned_s3 import CUT, Answer, CannedS3, failure, store_at
from tests.servers.pki import Pki

BODY = b"sealed bytes" * 100_000
DIGEST = sha256(BODY).digest()
STATED = base64.b64encode(DIGEST).decode()

TAKEN = failure(412, "PreconditionFailed")
CONFLICT = failure(409, "ConditionalRequestConflict")


def head(size: int, checksum: str | None) -> Answer:
    stated = {"x-amz-checksum-sha256": checksum} if checksum else {}
    facts = {"Content-Length": str(size), "x-amz-version-id": "v7", "Last-Modified": "Mon, 23 Nov 2026 00:00:00 GMT"}
    return Answer(headers=facts | stated)


def test_put_whose_answer_was_lost_is_placed(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([CUT, TAKEN, head(len(BODY), STATED)])

    placed = store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)

    assert (placed.version_id, placed.checked) == ("v7", True)
    assert [request.method for request in canned.requests] == ["PUT", "PUT", "HEAD"]


def test_whole_file_is_sent_again_after_a_lost_answer(canned: CannedS3, pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "pack").write_bytes(BODY)
    canned.answers.extend([CUT, Answer()])

    store_at(canned.url, pki).put("packs/0", tmp_path / "pack", sha256=DIGEST)

    assert [request.body == BODY for request in canned.requests] == [True, True]


def test_store_that_states_no_digest_is_read_back(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([CUT, TAKEN, head(len(BODY), None), Answer(body=BODY)])

    placed = store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)

    assert placed.checked is False
    assert canned.requests[-1].method == "GET"
    assert canned.requests[-1].path.endswith("versionId=v7")


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([head(len(BODY) + 1, STATED)], id="another size"),
        pytest.param([head(len(BODY), base64.b64encode(bytes(32)).decode())], id="another digest"),
        pytest.param([head(len(BODY), None), Answer(body=bytes(len(BODY)))], id="other bytes"),
    ],
)
def test_object_of_somebody_else_is_not_taken_for_ours(canned: CannedS3, pki: Pki, answers: list[Answer]) -> None:
    canned.answers.extend([CUT, TAKEN, *answers])

    with pytest.raises(ObjectExistsError, match="object packs/0 exists"):
        store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)


def test_name_taken_at_the_first_attempt_is_never_ours(canned: CannedS3, pki: Pki) -> None:
    canned.answers.append(TAKEN)

    with pytest.raises(ObjectExistsError):
        store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)

    assert len(canned.requests) == 1


def test_conflict_that_left_nothing_behind_may_be_tried_again(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([CONFLICT, Answer(404)])

    with pytest.raises(StoreUnavailableError, match="being written by another request"):
        store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)


def test_answer_lost_for_good_is_a_failed_transfer(canned: CannedS3, pki: Pki) -> None:
    canned.answers.extend([CUT] * 3)

    with pytest.raises(TransferFailedError):
        store_at(canned.url, pki).put("packs/0", BODY, sha256=DIGEST)


def test_put_is_signed_over_the_digest_that_was_given(canned: CannedS3, pki: Pki) -> None:
    canned.answers.append(Answer())
    claimed = sha256(b"other bytes")

    store_at(canned.url, pki).put("packs/0", BODY, sha256=claimed.digest())

    sent = canned.requests[0].headers
    assert sent["X-Amz-Content-SHA256"] == claimed.hexdigest()
    assert sent["x-amz-checksum-sha256"] == base64.b64encode(claimed.digest()).decode()
    assert sent["If-None-Match"] == "*"
    assert "x-amz-content-sha256" in sent["Authorization"]
