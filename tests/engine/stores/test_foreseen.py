"""A store that is asked beforehand answers as the store behind it does."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import pytest

from proofkeep.errors import ObjectMissingError, ProofkeepError, StoreUnavailableError
from proofkeep.stores.foreseen import ForeseenStore
from proofkeep.stores.local import LocalStore
from tests.decorating import WatchedStore

T = TypeVar("T")
NAMES = ["a/1", "a/2", "b/1"]


class Asked:
    """What the store behind was asked, of which the first few questions fail."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, str]] = []
        self.failing: list[ProofkeepError] = []

    def __call__(self, operation: str, name: str, call: Callable[[], T]) -> T:
        self.questions.append((operation, name))
        if self.failing:
            raise self.failing.pop()
        return call()


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def store(root: Path, asked: Asked) -> Iterator[ForeseenStore]:
    local = LocalStore(root)
    for name in NAMES:
        local.put(name, name.encode(), sha256=sha256(name.encode()).digest())
    with ThreadPoolExecutor(2) as threads:
        yield ForeseenStore(WatchedStore(local, asked), threads)


def test_what_was_foreseen_is_asked_once_and_given_once(store: ForeseenStore, asked: Asked) -> None:
    store.will_get("a/1")
    store.will_stat("a/2")
    store.will_list("a/", after="a/1")

    assert store.get("a/1") == b"a/1"
    assert store.stat("a/2").size == 3
    assert [found.name for found in store.list("a/", after="a/1")] == ["a/2"]
    assert sorted(asked.questions) == [("get", "a/1"), ("list", "a/"), ("stat", "a/2")]

    assert store.get("a/1") == b"a/1"
    assert asked.questions[3:] == [("get", "a/1")]


def test_another_question_is_not_taken_for_the_foreseen_one(store: ForeseenStore, asked: Asked) -> None:
    store.will_get("a/1")
    store.will_list("a/")

    assert store.get("a/1", offset=2, length=1) == b"1"
    assert [found.name for found in store.list("", after="a/1")] == ["a/2", "b/1"]
    assert [found.name for found in store.list("a/")] == ["a/1", "a/2"]
    assert len(asked.questions) == 4


@pytest.mark.parametrize("names", [NAMES[:0], NAMES])
def test_listing_is_whole_whatever_it_holds(store: ForeseenStore, names: list[str]) -> None:
    prefix = "" if names else "nothing/"
    store.will_list(prefix)

    assert [found.name for found in store.list(prefix)] == names


def test_what_is_missing_is_asked_for_once(store: ForeseenStore, asked: Asked) -> None:
    store.will_get("none")
    store.will_stat("none")

    with pytest.raises(ObjectMissingError):
        store.get("none")
    with pytest.raises(ObjectMissingError):
        store.stat("none")
    assert len(asked.questions) == 2


def test_what_failed_beforehand_is_asked_again(store: ForeseenStore, asked: Asked) -> None:
    asked.failing = [StoreUnavailableError("store is away") for _ in range(3)]
    store.will_get("a/1")
    store.will_stat("a/1")
    store.will_list("a/")

    assert store.get("a/1") == b"a/1"
    assert store.stat("a/1").size == 3
    assert [found.name for found in store.list("a/")] == ["a/1", "a/2"]
    assert len(asked.questions) == 6


def test_what_fails_again_is_told_to_who_asks(store: ForeseenStore, asked: Asked) -> None:
    asked.failing = [StoreUnavailableError("store is away") for _ in range(2)]
    store.will_get("a/1")

    with pytest.raises(StoreUnavailableError):
        store.get("a/1")
