"""Retries of runs that ended incomplete or not at all: what each attempt reads, commits and learns."""

import os
from pathlib import Path
from typing import Any

import pytest

from proofkeep.errors import SourceEmptyError, SourceUnavailableError
from proofkeep.model import Node
from proofkeep.sources.directory import DirectorySource
from tests.building import Host, content, plant, planted_host


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    plant(host.source, {"moving": content(5000, 5000)})
    return host


class RefusingSource(DirectorySource):
    """Cannot open the file `moving`."""

    def open(self, node: Node) -> Any:
        if node.path == b"moving":
            raise SourceUnavailableError("no")
        return super().open(node)


def test_retry_of_an_incomplete_run_commits_another_generation(host: Host) -> None:
    run = os.urandom(16)
    first = host.partial_run(run, source=RefusingSource(host.source, label="refusing"))

    second = host.run(run)

    assert (first.complete, second.complete) == (False, True)
    assert (first.snapshot, second.snapshot) == (f"{run.hex()}.0001", f"{run.hex()}.0002")
    assert second.totals["new_bytes"] == 5000
    assert host.ground.read_back(second.snapshot) == host.portrait()
    assert len(host.ground.snapshots()) == 2
    assert host.ground.findings() == []


def test_retry_that_stays_incomplete_never_returns_the_old_result(host: Host) -> None:
    run = os.urandom(16)
    source = RefusingSource(host.source, label="refusing")

    snapshots = [host.partial_run(run, source=source).snapshot for _ in range(3)]

    assert snapshots == [f"{run.hex()}.{number:04x}" for number in (1, 2, 3)]


def test_retry_of_a_complete_run_returns_its_receipt_and_stores_nothing(host: Host) -> None:
    run = os.urandom(16)
    first = host.run(run)
    names = host.ground.names()
    (host.source / "moving").write_bytes(b"other")

    second = host.run(run)

    assert second == first
    assert host.ground.names() == names


def test_empty_source_is_refused_unless_it_is_meant(scratch: Path) -> None:
    host = planted_host(scratch)
    empty = DirectorySource(scratch / "nothing", label="empty")
    (scratch / "nothing").mkdir()

    with pytest.raises(SourceEmptyError):
        host.run(source=empty)

    assert host.ground.snapshots() == []
    receipt = host.run(source=empty, allow_empty=True)
    assert list(host.ground.read_back(receipt.snapshot)) == [b""]


def test_state_of_a_file_that_went_between_two_attempts_is_not_learned(host: Host) -> None:
    run = os.urandom(16)
    with host.backup(run) as backup:
        backup.begin()
        for _ in backup.snapshot():
            pass
        backup.known.close()
    (host.source / "moving").unlink()

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_source_instant_is_that_of_the_walk_that_made_the_manifest(host: Host) -> None:
    run = os.urandom(16)
    with host.backup(run) as backup:
        backup.begin()
        backup.known.close()
    between = host.run()

    woken = host.run(run)

    instants = {snapshot.id.short: snapshot.facts.source_at for snapshot in host.ground.snapshots()}
    assert instants[between.snapshot] < instants[woken.snapshot]
