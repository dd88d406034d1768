"""Putting so that repeating is harmless, and proving what a store then holds."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from proofkeep.errors import IntegrityError, ObjectExistsError, ObjectMissingError, TruncatedError
from proofkeep.model import Capabilities, ObjectStat
from proofkeep.repository.stored import exists, place, prove, read_digest
from proofkeep.stores.local import LocalStore
from tests.decorating import WatchedStore

NAME = "packs/a"
BODY = b"body" * 1000
DIGEST = sha256(BODY).digest()
CHECKS = Capabilities(
    refuses_second_create=True, refuses_wrong_digest=True, refuses_overwrite=True, refuses_delete=True
)
DOES_NOT = replace(CHECKS, refuses_wrong_digest=False)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def put(store: LocalStore, body: bytes = BODY) -> None:
    store.put(NAME, body, sha256=sha256(body).digest())


def now() -> int:
    return 7


def stating(store: LocalStore, digest: bytes) -> WatchedStore:
    """A store that states a SHA-256 of its own, and may not be read."""

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        assert operation != "read", name
        result = call()
        return replace(result, sha256=digest) if isinstance(result, ObjectStat) else result

    return WatchedStore(store, around)


def test_object_is_put_and_the_attempt_told(store: LocalStore) -> None:
    sent = place(store, NAME, BODY, DIGEST, attempts=3, clock=now)

    assert (sent.at_ns, sent.attempts, sent.tls) == (7, 3, None)
    assert store.get(NAME) == BODY


def test_same_bytes_under_the_same_name_are_done_already(store: LocalStore) -> None:
    put(store)

    assert place(store, NAME, BODY, DIGEST, attempts=1, clock=now).at_ns == 7


def test_other_bytes_under_the_same_name_are_an_error_and_stay(store: LocalStore) -> None:
    put(store, b"other")

    with pytest.raises(ObjectExistsError):
        place(store, NAME, BODY, DIGEST, attempts=1, clock=now)

    assert store.get(NAME) == b"other"


def test_store_that_was_seen_to_check_is_believed(store: LocalStore) -> None:
    put(store)

    assert prove(stating(store, DIGEST), CHECKS, NAME, len(BODY), DIGEST, None, now).by == "store"


@pytest.mark.parametrize("capabilities", [CHECKS, DOES_NOT])
def test_store_that_states_nothing_is_read_back(store: LocalStore, capabilities: Capabilities) -> None:
    put(store)

    assert prove(store, capabilities, NAME, len(BODY), DIGEST, None, now).by == "read-back"


def test_digest_of_a_store_that_was_not_seen_to_check_is_not_believed(store: LocalStore) -> None:
    put(store, b"x" * len(BODY))

    def lying(_operation: str, _name: str, call: Callable[[], Any]) -> Any:
        result = call()
        return replace(result, sha256=DIGEST) if isinstance(result, ObjectStat) else result

    with pytest.raises(IntegrityError):
        prove(WatchedStore(store, lying), DOES_NOT, NAME, len(BODY), DIGEST, None, now)


def test_other_bytes_of_the_same_size_are_found(store: LocalStore) -> None:
    put(store, b"x" * len(BODY))

    with pytest.raises(IntegrityError):
        prove(store, CHECKS, NAME, len(BODY), DIGEST, None, now)
    with pytest.raises(IntegrityError):
        prove(stating(store, bytes(32)), CHECKS, NAME, len(BODY), DIGEST, None, now)


def test_other_size_and_absence_are_told(store: LocalStore) -> None:
    with pytest.raises(ObjectMissingError):
        prove(store, CHECKS, NAME, len(BODY), DIGEST, None, now)
    put(store, BODY[:-1])
    with pytest.raises(TruncatedError):
        prove(store, CHECKS, NAME, len(BODY), DIGEST, None, now)


def test_digest_and_length_are_read_in_pieces(store: LocalStore) -> None:
    body = bytes(3 << 20) + b"end"
    store.put(NAME, body, sha256=sha256(body).digest())

    assert read_digest(store, NAME) == (sha256(body).digest(), len(body))


def test_existence_is_told(store: LocalStore) -> None:
    assert not exists(store, NAME)
    put(store)
    assert exists(store, NAME)
