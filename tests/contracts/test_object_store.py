"""What every object store promises of writing: a directory, moto, SeaweedFS without and with Object Lock.

Reading and listing: `test_object_store_reading.py`.
"""

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from proofkeep.errors import (
    DigestRefusedError,
    ObjectExistsError,
    ObjectMissingError,
    PolicyError,
    StoreDeniedError,
    StoreError,
    TransferFailedError,
    UsageError,
)
from proofkeep.ports import Body, ObjectStore
from proofkeep.probe import probe
from tests.contracts.store_kinds import BODY, StoreKind, names, put
from tests.engine.certificates import fingerprint
from tests.servers.pki import Pki

MEBIBYTE = 1024 * 1024
SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS


def test_probe_sees_what_this_kind_of_store_really_does(kind: StoreKind, store: ObjectStore) -> None:
    assert probe(store, "") == kind.capabilities


def test_probe_leaves_nothing_behind(store: ObjectStore) -> None:
    probe(store, "somewhere/")

    assert names(store, "") == []


@pytest.mark.parametrize("size", [0, 1, MEBIBYTE, 3 * MEBIBYTE + 17])
@pytest.mark.parametrize("shape", ["bytes", "memoryview", "file"])
def test_object_comes_back_as_it_was_put(store: ObjectStore, tmp_path: Path, size: int, shape: str) -> None:
    content = secrets.token_bytes(size)
    path = tmp_path / "body"
    path.write_bytes(content)
    bodies: dict[str, Body] = {"bytes": content, "memoryview": memoryview(content), "file": path}

    store.put("packs/0", bodies[shape], sha256=sha256(content).digest())

    assert store.get("packs/0") == content
    assert b"".join(store.read("packs/0")) == content
    assert store.stat("packs/0").size == size


def test_second_create_of_a_name_is_refused_and_changes_nothing(store: ObjectStore) -> None:
    put(store, "packs/0")

    with pytest.raises(ObjectExistsError, match="object packs/0 exists"):
        put(store, "packs/0", b"other bytes")

    assert store.get("packs/0") == BODY


def test_second_create_with_the_same_bytes_is_refused_too(store: ObjectStore) -> None:
    put(store, "packs/0")

    with pytest.raises(ObjectExistsError):
        put(store, "packs/0")


def test_of_many_creates_at_once_exactly_one_wins(store: ObjectStore) -> None:
    start = threading.Barrier(8)

    def create(number: int) -> int | None:
        start.wait()
        try:
            put(store, "packs/0", b"%d" % number)
        except ObjectExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(8)) if number is not None]

    assert len(winners) == 1
    assert store.get("packs/0") == b"%d" % winners[0]


def test_wrong_digest_is_refused_or_shown_by_reading_back(kind: StoreKind, store: ObjectStore) -> None:
    wrong = sha256(b"other bytes").digest()

    if kind.capabilities.refuses_wrong_digest:
        with pytest.raises(DigestRefusedError):
            store.put("packs/0", BODY, sha256=wrong)
        assert names(store, "") == []
    else:
        store.put("packs/0", BODY, sha256=wrong)
        assert store.stat("packs/0").sha256 == wrong
        assert sha256(b"".join(store.read("packs/0"))).digest() != wrong


def test_stated_digest_is_that_of_the_object_or_absent(kind: StoreKind, store: ObjectStore) -> None:
    placed = put(store, "packs/0")

    assert placed.checked
    assert store.stat("packs/0").sha256 == (sha256(BODY).digest() if kind.states_digest else None)


def test_replace_is_the_one_way_to_overwrite(store: ObjectStore) -> None:
    put(store, "packs/0")

    store.put("packs/0", b"other bytes", sha256=sha256(b"other bytes").digest(), replace=True)

    assert store.get("packs/0") == b"other bytes"


def test_deleted_object_is_gone_and_its_name_free_again(store: ObjectStore) -> None:
    put(store, "packs/deep/down/0")

    store.delete("packs/deep/down/0")

    assert names(store, "") == []
    with pytest.raises(ObjectMissingError):
        store.get("packs/deep/down/0")
    put(store, "packs/deep/down/0", b"other bytes")
    assert store.get("packs/deep/down/0") == b"other bytes"


def test_deleting_removes_every_version(store: ObjectStore) -> None:
    placed = put(store, "packs/0")
    store.put("packs/0", b"other bytes", sha256=sha256(b"other bytes").digest(), replace=True)

    store.delete("packs/0")

    with pytest.raises(ObjectMissingError):
        store.get("packs/0", version_id=placed.version_id)


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.delete("packs/0")


def test_object_locked_to_a_date_is_kept_or_the_wish_is_refused(kind: StoreKind, store: ObjectStore) -> None:
    until = time.time_ns() + HOUR_NS
    if not kind.locks:
        with pytest.raises((PolicyError, StoreError), match="object packs/0"):
            store.put("packs/0", BODY, sha256=sha256(BODY).digest(), retain_until_ns=until)
        assert names(store, "") == []
        return

    placed = store.put("packs/0", BODY, sha256=sha256(BODY).digest(), retain_until_ns=until)

    with pytest.raises(StoreDeniedError):
        store.delete("packs/0")
    assert store.get("packs/0", version_id=placed.version_id) == BODY


@pytest.mark.parametrize(
    "name",
    [
        *("", "/packs/0", "packs/", "packs//0", "../packs", "packs/../0", "./packs", ".tmp/0", "packs/.0", "Packs/0"),
        *("packs/\x00", "packs/é", "packs\\0", "packs/0\n", "x" * 256, "/".join(["x" * 250] * 3)),
    ],
)
def test_name_that_no_object_may_have_is_refused(store: ObjectStore, name: str) -> None:
    for attempt in (
        lambda: put(store, name),
        lambda: store.get(name),
        lambda: list(store.read(name)),
        lambda: store.stat(name),
        lambda: store.delete(name),
    ):
        with pytest.raises(UsageError, match="object name"):
            attempt()


def test_body_file_that_is_gone_is_a_failed_transfer_and_not_a_missing_object(
    store: ObjectStore, tmp_path: Path
) -> None:
    with pytest.raises(TransferFailedError, match="what is to be stored as packs/0"):
        store.put("packs/0", tmp_path / "gone", sha256=bytes(32))


def test_session_of_each_put_is_recorded(kind: StoreKind, store: ObjectStore, pki: Pki) -> None:
    session = put(store, "packs/0").tls

    if not kind.over_tls:
        assert session is None
        assert store.tls is None
        return
    assert session is not None
    assert session.version == "TLSv1.3"
    assert session.cipher in {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"}
    assert session.peer_sha256 == fingerprint(pki.server)
    assert store.tls == session


def test_clock_is_that_of_the_latest_answer(kind: StoreKind, store: ObjectStore) -> None:
    assert store.clock is None

    put(store, "packs/0")

    if not kind.over_tls:
        assert store.clock is None
        return
    assert store.clock is not None
    assert abs(store.clock.remote_ns - store.clock.local_ns) < 5 * SECOND_NS
    assert store.clock.remote_ns % SECOND_NS == 0


def test_two_stores_of_a_kind_share_their_neighbourhood(kind: StoreKind) -> None:
    assert kind.make().location.neighbourhood == kind.make().location.neighbourhood


def test_many_threads_share_one_store(store: ObjectStore) -> None:
    bodies = {f"packs/{number:08x}": secrets.token_bytes(200_000 + number) for number in range(24)}

    def there_and_back(name: str) -> bool:
        put(store, name, bodies[name])
        return store.get(name) == bodies[name] == b"".join(store.read(name))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, bodies))
