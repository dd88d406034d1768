"""Folders of runs that ended long ago go; whatever a retry could still need stays."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from proofkeep.backup.finished import KEPT_DAYS
from proofkeep.errors import CancelledError
from proofkeep.journal import Journal
from proofkeep.state import locked
from proofkeep.unfinished import abandon
from tests.building import Host, planted_host

DAY_NS = 24 * 3600 * 10**9


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


def age(host: Host, run: bytes, days: int = KEPT_DAYS + 1) -> Path:
    """As if the run's journal had not been touched for so long."""
    folder = host.state.run(run)
    file = folder / "journal.sqlite"
    then = file.stat().st_mtime_ns - days * DAY_NS
    os.utime(file, ns=(then, then))
    return folder


def test_folder_of_a_committed_run_goes_when_it_is_old(host: Host) -> None:
    old, young = os.urandom(16), os.urandom(16)
    host.run(old)
    host.run(young)
    folder = age(host, old)
    age(host, young, KEPT_DAYS - 1)

    receipt = host.run()

    assert not folder.exists()
    assert host.state.run(young).exists()
    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


def test_folder_of_a_run_that_did_not_finish_stays(host: Host) -> None:
    run = os.urandom(16)
    with pytest.raises(CancelledError):
        host.run(run, cancelled=lambda: True)
    folder = age(host, run)

    host.run()

    assert folder.exists()
    assert host.run(run).complete


def test_folder_of_an_adopted_or_abandoned_run_goes_when_it_is_old(host: Host) -> None:
    runs = [os.urandom(16), os.urandom(16)]
    for run in runs:
        with host.backup(run) as backup:
            backup.begin()
            backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    abandon(host.state_root, runs[1].hex())
    host.run()
    folders = [age(host, run) for run in runs]

    receipt = host.run()

    assert [folder.exists() for folder in folders] == [False, False]
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_folder_with_packs_that_nobody_adopted_stays(host: Host) -> None:
    run = os.urandom(16)
    with host.backup(run) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    folder = age(host, run)

    Host(host.ground, host.name, entry="another").run()

    assert folder.exists()


def test_folder_of_an_incomplete_snapshot_stays(host: Host) -> None:
    run = os.urandom(16)
    host.run(run)
    with closing(Journal(host.state.run(run) / "journal.sqlite")) as journal:
        journal.set_fact("committed", journal.fact("committed") | {"complete": False})
    folder = age(host, run)

    host.run()

    assert folder.exists()


def test_folder_that_a_process_works_on_stays(host: Host) -> None:
    run = os.urandom(16)
    host.run(run)
    folder = age(host, run)

    with locked(folder / "lock"):
        host.run()

    assert folder.exists()


def test_rest_of_an_interrupted_removal_goes(host: Host) -> None:
    host.run()
    rest = host.state.path / "removed-0"
    (rest / "spool").mkdir(parents=True)

    host.run()

    assert not rest.exists()


def test_folder_that_cannot_be_read_stops_no_run(host: Host) -> None:
    folder = host.state.runs / "astray"
    folder.mkdir(parents=True)
    (folder / "journal.sqlite").write_bytes(b"no database at all" * 100)
    os.utime(folder / "journal.sqlite", ns=(0, 0))

    assert host.run().complete
    assert folder.exists()
