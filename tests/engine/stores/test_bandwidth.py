import threading
from hashlib import sha256
from pathlib import Path

import pytest

from proofkeep.errors import CancelledError
from proofkeep.stores.bandwidth import BURST_SECONDS, Bandwidth, paced, shared
from proofkeep.stores.bodies import MemoryStream
from proofkeep.stores.s3 import S3Store
from proofkeep.tls import TlsPolicy
from tests.engine.stores.canned_s3 import BUCKET, Answer, canned_s3, canned_session
from tests.servers.pki import Pki

RATE = 1000
BODY = bytes(range(256)) * 400


class Time:
    """A clock that only sleepers move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.now += seconds

    def bandwidth(self, rate: float = RATE) -> Bandwidth:
        return Bandwidth(rate, clock=lambda: self.now, sleep=self.sleep)


@pytest.fixture
def time() -> Time:
    return Time()


def ignore() -> None:
    """Nobody has cancelled."""


def store_at(url: str, pki: Pki, bandwidth: Bandwidth) -> S3Store:
    return S3Store(
        BUCKET,
        tls=TlsPolicy(pki.ca_path),
        endpoint_url=url,
        region="us-east-1",
        session=canned_session(),
        bandwidth=bandwidth,
    )


def test_bytes_take_as_long_as_the_rate_says(time: Time) -> None:
    bandwidth = time.bandwidth()

    for _ in range(11):
        bandwidth.take(500, ignore)

    assert time.now == pytest.approx(5.0, abs=BURST_SECONDS)


def test_several_senders_share_the_rate(time: Time) -> None:
    bandwidth = time.bandwidth()

    def send() -> None:
        for _ in range(10):
            bandwidth.take(250, ignore)

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    bandwidth.take(0, ignore)

    assert time.now >= 10.0 - BURST_SECONDS


def test_unused_time_is_saved_for_a_moment_only(time: Time) -> None:
    bandwidth = time.bandwidth()
    time.now = 3600.0

    for _ in range(11):
        bandwidth.take(100, ignore)

    assert time.now == pytest.approx(3600.0 + 1.0 - BURST_SECONDS)


def test_wait_ends_with_what_the_glance_raises(time: Time) -> None:
    bandwidth = time.bandwidth()
    bandwidth.take(1_000_000, ignore)

    def cancelled() -> None:
        if time.now > 1:
            raise CancelledError("run was cancelled")

    with pytest.raises(CancelledError):
        bandwidth.take(1, cancelled)

    assert time.now < 2


def test_one_bucket_serves_a_place() -> None:
    assert shared("https://a bucket", 1 << 20) is shared("https://a bucket", 1 << 20)
    assert shared("https://a bucket", 1 << 20) is not shared("https://a other", 1 << 20)


def test_body_reads_as_itself_and_tells_where_it_is(time: Time) -> None:
    told: list[int] = []
    body = paced(MemoryStream(memoryview(BODY)), time.bandwidth(), told.append)
    assert not isinstance(body, bytes)

    parts = [bytes(body.read(40_000)), bytes(body.read())]
    body.seek(0)

    assert b"".join(parts) == BODY
    assert bytes(body.read(10)) == BODY[:10]
    assert (told[0], told[-1], 16_384 in told) == (0, 0, True)


def test_bytes_without_a_limit_stay_what_they_are() -> None:
    assert paced(BODY, None, lambda _: None) is BODY


@pytest.mark.parametrize("in_memory", [True, False])
def test_put_is_sent_no_faster_than_the_limit(pki: Pki, time: Time, tmp_path: Path, *, in_memory: bool) -> None:
    file = tmp_path / "pack"
    file.write_bytes(BODY)
    with canned_s3(pki) as server:
        server.answers.append(Answer())
        store = store_at(server.url, pki, time.bandwidth(10_240))

        store.put("packs/0", BODY if in_memory else file, sha256=sha256(BODY).digest())

        assert server.requests[0].body == BODY
        assert time.now == pytest.approx(len(BODY) / 10_240, abs=2.0)


def test_cancelled_put_ends_before_its_body_does(pki: Pki, time: Time, tmp_path: Path) -> None:
    file = tmp_path / "pack"
    file.write_bytes(BODY)

    def watch(_sent: int) -> None:
        if time.now > 1:
            raise CancelledError("run was cancelled")

    with canned_s3(pki) as server:
        server.answers.extend([Answer(), Answer()])
        store = store_at(server.url, pki, time.bandwidth(10_240))

        with pytest.raises(CancelledError):
            store.put("packs/0", file, sha256=sha256(BODY).digest(), watch=watch)

        assert time.now < 3
        assert store.put("packs/0", b"", sha256=sha256(b"").digest()).version_id is None
