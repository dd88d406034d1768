"""A put arrives and its answer is lost: repeating it is no dead end, and nothing else is sent twice."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import drive
from proofkeep.errors import IntegrityError, ObjectExistsError, TransferFailedError
from proofkeep.ports import ObjectStore
from proofkeep.repository import Repository
from tests.building import NO_WAIT, Ground, Host, planted_host, put
from tests.decorating import Puts, WatchedStore

MOST_PUTS = 20


class LostAnswers:
    """Loses the first answer to the puts that `chosen` picks by their number, from 1."""

    def __init__(self, chosen: Callable[[int], bool]) -> None:
        self.chosen = chosen
        self.asked: set[str] = set()
        self.lost: set[str] = set()

    def __call__(self, operation: str, name: str, call: Callable[[], Any]) -> Any:
        result = call()
        if operation == "put" and name not in self.asked:
            self.asked.add(name)
            if self.chosen(len(self.asked)):
                self.lost.add(name)
                raise TransferFailedError(f"object {name} was sent and no answer came")
        return result


def through(ground: Ground, puts: Puts, losing: LostAnswers) -> Repository:
    stores = {name: WatchedStore(WatchedStore(getattr(ground, name), puts), losing) for name in ("store", "ledger")}
    return ground.connect(**stores)


def test_run_commits_whichever_answer_is_lost(scratch: Path) -> None:
    for number in range(1, MOST_PUTS):
        host, puts = planted_host(scratch / str(number)), Puts()
        losing = LostAnswers(lambda put, number=number: put == number)  # type: ignore[misc] # the loop's own number

        receipt = host.run(repository=through(host.ground, puts, losing))

        assert host.ground.read_back(receipt.snapshot) == host.portrait()
        assert set(puts.names.values()) == {1}
        assert set(puts.repeated) <= losing.lost
        if not losing.lost:
            break
        assert host.ground.findings() == []
    assert number > 5
    assert not losing.lost, "the run has more puts than were tried"


def test_commit_is_repeated_until_every_lost_answer_was_asked_for_again(scratch: Path) -> None:
    host, puts = planted_host(scratch), Puts()
    losing = LostAnswers(lambda _: True)
    run = os.urandom(16)

    for _ in range(MOST_PUTS):
        try:
            receipt = host.run(run, repository=through(host.ground, puts, losing))
            break
        except TransferFailedError:
            continue

    assert len(losing.lost) == len(puts.names) > 5
    assert set(puts.names.values()) == {1}
    assert max(puts.tried.values()) == 2
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_lost_answers_leave_one_entry_for_each_object_in_the_ledger(scratch: Path) -> None:
    host, losing = planted_host(scratch), LostAnswers(lambda _: True)
    run = os.urandom(16)
    with host.backup(run, repository=through(host.ground, Puts(), losing)) as backup:
        for _ in range(MOST_PUTS):
            try:
                drive(backup, wait=NO_WAIT)
                break
            except TransferFailedError:
                continue

    named = [item["name"] for _, entry in chain(host) for item in entry["objects"]]

    assert sorted(named) == sorted(set(named))
    assert {name.split("/")[0] for name in named} == {"packs", "keys", "index", "snapshots"}


def chain(host: Host) -> list[tuple[str, dict[str, Any]]]:
    (entries,) = host.ground.second_reader().chains.values()
    return entries


class Squatter:
    """Takes the first name below a prefix with other bytes, just before its put."""

    def __init__(self, prefix: str, inner: ObjectStore) -> None:
        self.prefix = prefix
        self.inner = inner
        self.taken: list[str] = []

    def __call__(self, operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith(self.prefix) and not self.taken:
            self.taken.append(name)
            put(self.inner, name, b"other bytes")
        return call()


@pytest.mark.parametrize("prefix", ["keys/", "packs/", "snapshots/"])
def test_name_taken_by_other_bytes_is_said_and_a_new_run_is_not_hindered(scratch: Path, prefix: str) -> None:
    host = planted_host(scratch)
    squatter = Squatter(prefix, host.ground.store)

    with pytest.raises(ObjectExistsError) as raised:
        host.run(repository=host.ground.connect(store=WatchedStore(host.ground.store, squatter)))

    assert squatter.taken[0] in str(raised.value)
    host.ground.store.delete(squatter.taken[0])
    assert host.ground.read_back(host.run().snapshot) == host.portrait()


def test_index_number_taken_by_other_bytes_is_passed_over(scratch: Path) -> None:
    host = planted_host(scratch)
    squatter = Squatter("index/", host.ground.store)

    receipt = host.run(repository=host.ground.connect(store=WatchedStore(host.ground.store, squatter)))

    assert squatter.taken
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_place_in_the_chain_taken_by_what_is_no_entry_is_said(scratch: Path) -> None:
    host = planted_host(scratch)
    squatter = Squatter("ledger/", host.ground.ledger)

    with pytest.raises(IntegrityError):
        host.run(repository=host.ground.connect(ledger=WatchedStore(host.ground.ledger, squatter)))

    assert host.ground.names("snapshots/") == []
