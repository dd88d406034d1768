"""Older states put back: of the ledger, of the packs, of a host's state directory; and a cloned state directory."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.catalog import refresh
from proofkeep.errors import PackMissingError, RollbackError, StateError
from proofkeep.history import History
from proofkeep.ledger import load_heads
from proofkeep.verify import verify_here
from tests.building import Host, content, plant, planted_host
from tests.decorating import WatchedStore


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with one snapshot."""
    host = planted_host(scratch)
    host.run()
    return host


def copy_of(host: Host, what: str) -> Path:
    """A copy of the ground's `store` or `ledger`, or of the host's state."""
    original = host.state_root if what == "state" else host.ground.root / what
    copy = original.with_name(f"{original.name}-copy")
    shutil.copytree(original, copy)
    return copy


def put_back(copy: Path) -> None:
    """The copy's content in the place of the original's; the directory itself stays the same one."""
    original = copy.with_name(copy.name.removesuffix("-copy"))
    for inner in original.iterdir():
        shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
    shutil.copytree(copy, original, dirs_exist_ok=True)


def grow(host: Host, number: int) -> None:
    plant(host.source, {f"new{number}": content(500 + number, 3000)})


def test_older_ledger_is_refused(host: Host) -> None:
    older = copy_of(host, "ledger")
    grow(host, 1)
    host.run()
    put_back(older)

    with pytest.raises(RollbackError):
        host.run()


def test_older_ledger_is_refused_although_the_catalog_was_lost(host: Host) -> None:
    older = copy_of(host, "ledger")
    host.run()
    put_back(older)
    host.state.catalog_file.unlink()

    with pytest.raises(RollbackError):
        host.run()


def test_older_ledger_is_refused_by_another_host_that_saw_the_newer(host: Host) -> None:
    other = Host(host.ground, "other")
    plant(other.source, {"a": b"a"})
    older = copy_of(host, "ledger")
    host.run()
    other.run()
    put_back(older)

    with pytest.raises(RollbackError):
        other.run()


def test_chain_with_another_entry_at_the_remembered_place_is_refused(host: Host) -> None:
    state, ledger = copy_of(host, "state"), copy_of(host, "ledger")
    grow(host, 1)
    host.run()
    seen = host.state_root.rename(host.ground.root / "seen")
    shutil.copytree(state, host.state_root)
    put_back(ledger)
    grow(host, 2)
    host.run()
    shutil.rmtree(host.state_root)
    seen.rename(host.state_root)

    with pytest.raises(RollbackError):
        host.run()


def test_older_packs_under_the_newer_ledger_stop_the_commit(host: Host) -> None:
    older = copy_of(host, "store")
    grow(host, 1)
    host.run()
    put_back(older)

    with pytest.raises(PackMissingError):
        host.run()


def test_host_whose_state_was_put_back_goes_on_truthfully(host: Host) -> None:
    older = copy_of(host, "state")
    for number in range(3):
        grow(host, number)
        host.run()
    put_back(older)
    grow(host, 3)

    receipts = [host.run(), host.run()]

    assert [host.ground.read_back(receipt.snapshot) for receipt in receipts] == [host.portrait()] * 2
    assert receipts[1].totals["new_chunks"] == 0
    assert len(host.ground.snapshots()) == 6
    assert host.ground.findings() == []


def asks_for_somebody(host: Host) -> bool:
    with History(host.state_root) as history:
        return history.damaged


@pytest.mark.parametrize("first", ["backup", "verify", "a look at the snapshots"])
def test_host_whose_state_was_put_back_asks_for_somebody(host: Host, first: str) -> None:
    older = copy_of(host, "state")
    host.run()
    put_back(older)

    if first == "verify":
        verify_here(host.ground.connect(), host.state)
    elif first == "a look at the snapshots":
        with host.catalog() as catalog:
            refresh(host.ground.connect(), catalog, load_heads(host.state.heads_file))
    if first != "verify":
        host.run()

    assert asks_for_somebody(host)


def test_host_that_was_killed_before_it_remembered_what_it_had_committed_asks_for_nobody(host: Host) -> None:
    grow(host, 1)
    with patch("proofkeep.backup.commit.save_heads", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        host.run()

    verify_here(host.ground.connect(), host.state)
    host.run()

    assert not asks_for_somebody(host)


def test_record_whose_owed_closing_entry_is_forgotten_is_whole_and_closed_by_a_retry_of_its_run(host: Host) -> None:
    grow(host, 1)
    run = os.urandom(16)
    with (
        patch("proofkeep.backup.vouch.Vouching.close", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        host.run(run)
    host.state.closing_file.write_bytes(b"no JSON")

    with pytest.raises(StateError, match=r"file closing\.json of the state directory is malformed"):
        host.run()
    host.state.closing_file.unlink()
    host.run()
    unclosed = verify_here(host.ground.connect(), host.state, read=1.0)
    receipt = host.run(run)
    closed = verify_here(host.ground.connect(), host.state, read=1.0)

    assert (unclosed.findings, unclosed.unvouched) == ([], 1)
    assert (closed.findings, closed.unvouched) == ([], 0)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


@pytest.fixture
def clone(host: Host) -> Host:
    """A host with the same writer id, as a cloned machine has it."""
    clone = Host(host.ground, "clone")
    shutil.copytree(host.state_root, clone.state_root)
    shutil.copytree(host.source, clone.source, dirs_exist_ok=True, symlinks=True)
    return clone


def test_clones_by_turns_leave_truthful_snapshots(host: Host, clone: Host) -> None:
    for number in range(4):
        one = (host, clone)[number % 2]
        grow(one, number)

        receipt = one.run()

        assert host.ground.read_back(receipt.snapshot) == one.portrait()
    assert len(host.ground.second_reader().chains) == 1
    assert host.ground.findings() == []


@pytest.mark.parametrize("prefix", ["index/", "ledger/", "snapshots/"])
def test_clone_that_commits_in_between_takes_nothing_from_the_other(host: Host, clone: Host, prefix: str) -> None:
    grow(host, 1)
    grow(clone, 2)
    between: list[str] = []

    def around(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if operation == "put" and name.startswith(prefix) and not between:
            between.append("")
            between[0] = clone.run().snapshot
        return call()

    stores = {name: WatchedStore(getattr(host.ground, name), around) for name in ("store", "ledger")}
    receipt = host.run(repository=host.ground.connect(**stores))

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.read_back(between[0]) == clone.portrait()
    assert host.ground.findings() == []
    assert clone.run().totals["new_chunks"] == 0
