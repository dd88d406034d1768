"""A tree deeper than a manifest takes: where it is too deep is named as unread, and everything else is backed up."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep import beside
from proofkeep.backup import drive, snapshot
from proofkeep.backup.commit import CommitReceipt
from proofkeep.errors import PartialSnapshotError, SourceUnavailableError
from proofkeep.format.manifest import MAX_PATH
from proofkeep.sources import forerunner, walk
from proofkeep.sources.directory import DirectorySource
from proofkeep.sources.walk import MAX_ENTERED
from tests.building import NO_WAIT, Host, planted_host
from tests.engine.sources.trees import plant_deep

NAME = "d" * 200
DEEP = 1000
ENTERED = (MAX_ENTERED + 1) // (len(NAME) + 1)
TOO_DEEP = "/".join([NAME] * (ENTERED + 1)).encode()


@pytest.fixture
def host(scratch: Path) -> Iterator[Host]:
    made = planted_host(scratch)
    plant_deep(made.source, NAME, DEEP)
    yield made
    subprocess.run(["rm", "-rf", made.ground.root], check=True)


def holds_the_rest(host: Host, receipt: CommitReceipt) -> None:
    restored, report = host.ground.restored(receipt.snapshot)
    assert restored == host.portrait()
    assert [(finding.code, finding.path) for finding in report.findings] == [(SourceUnavailableError.code, TOO_DEEP)]
    assert max(map(len, restored)) == len(TOO_DEEP) <= MAX_ENTERED + 1 + 255 < MAX_PATH
    assert sum(path.endswith(b"/z") for path in restored) == ENTERED
    assert host.ground.findings() == []


def test_all_but_what_lies_too_deep_is_backed_up_and_recognised_the_next_time(host: Host) -> None:
    first, second = host.partial_run(), host.partial_run()

    holds_the_rest(host, first)
    holds_the_rest(host, second)
    assert second.totals["unread"] == first.totals["unread"] == 1
    assert (second.totals["new_bytes"], second.totals["read_bytes"]) == (0, 0)
    assert second.totals["unchanged_files"] == second.totals["files"]


def test_unread_is_told_by_its_id_alone_where_names_have_become_many(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MAX_ENTERED", len(b"d0"))
    monkeypatch.setattr(snapshot, "_NAMED", 2 * len(b"deep0"))
    host = planted_host(scratch)
    paths = [b"deep0", b"deep1", b"deep2"]
    for path in paths:
        (host.source / path.decode()).mkdir()

    with host.backup() as backup:
        with pytest.raises(PartialSnapshotError):
            drive(backup, wait=NO_WAIT)
        unread = backup.unread

    path_id = host.ground.connect().keys.ids.path_id
    assert [finding.subject for finding in unread] == [path_id(path).hex() for path in paths]
    assert [finding.path for finding in unread] == [*paths[:2], None]


def test_process_that_walks_ahead_gets_as_far(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forerunner, "MANY", 1)
    monkeypatch.setattr(beside, "cores", lambda: 2)
    source = DirectorySource(host.source, label="deep")

    receipt = host.partial_run(source=source)

    assert isinstance(source._latest, forerunner.Forerunner)
    holds_the_rest(host, receipt)
