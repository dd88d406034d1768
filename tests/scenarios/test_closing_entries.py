"""The ledger entry that follows a record, and who writes it when the run that owed it died."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.building import Host, planted_host
from tests.decorating import Crash, Fuse, WatchedStore


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


def die_before_closing(host: Host, run: bytes, *, recorded: bool) -> None:
    """A run whose process dies with its record put (or just before), and no closing entry."""
    fuse = Fuse()

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith("snapshots/"):
            if recorded:
                call()
            fuse.blow()
        return fuse(operation, name, call)

    with suppress(Crash):
        host.run(run, repository=host.ground.connect(store=WatchedStore(host.ground.store, around)))
    assert fuse.blown


def closings(host: Host) -> list[tuple[str, str]]:
    """(run, snapshot) of each closing entry."""
    ((*chain,),) = host.ground.second_reader().chains.values()
    entries = [entry for _, entry in chain if entry["kind"] == "close"]
    return [(entry["run"]["id"], entry["objects"][0]["name"].rpartition("/")[2]) for entry in entries]


def test_next_run_of_the_writer_writes_the_missing_closing_entry_first(host: Host) -> None:
    run = os.urandom(16)
    die_before_closing(host, run, recorded=True)

    receipt = host.run()

    assert closings(host) == [(run.hex(), f"{run.hex()}.0001"), (receipt.snapshot[:32], receipt.snapshot)]
    assert len(host.ground.snapshots()) == 2
    assert host.ground.findings() == []


def test_retry_of_the_run_writes_its_own_closing_entry_once(host: Host) -> None:
    run = os.urandom(16)
    die_before_closing(host, run, recorded=True)

    receipt = host.run(run)

    assert closings(host) == [(run.hex(), receipt.snapshot)]
    assert host.ground.findings() == []


def test_record_that_was_never_put_is_not_closed(host: Host) -> None:
    run = os.urandom(16)
    die_before_closing(host, run, recorded=False)

    receipt = host.run()

    assert closings(host) == [(receipt.snapshot[:32], receipt.snapshot)]


def test_closing_entry_holds_the_record_as_stored(host: Host) -> None:
    receipt = host.run()

    ((*chain,),) = host.ground.second_reader().chains.values()
    stored = chain[-1][1]["objects"][0]

    body = host.ground.store.get(stored["name"])
    assert stored["name"].endswith(receipt.snapshot)
    assert (stored["type"], stored["length"]) == ("record", len(body))
    assert receipt.head == f"{receipt.writer}:{len(chain) - 1}:{chain[-1][0]}"


def test_session_of_a_run_that_sealed_no_pack_is_in_the_ledger(host: Host) -> None:
    host.run()
    receipt = host.run()

    ((*chain,),) = host.ground.second_reader().chains.values()
    entries = [entry for _, entry in chain if entry["run"]["id"] == receipt.snapshot[:32]]

    assert [entry["kind"] for entry in entries] == ["transfer", "close"]
    assert entries[0]["session"]["recipients"][0]["recipient"] == host.ground.wrapping.recipient
    assert [item["type"] for item in entries[0]["objects"]] == ["key"]
