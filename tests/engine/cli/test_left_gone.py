"""Runs whose packs or journal are gone: `status`, `resume-transfers` and `abandon` say what is so, with its code."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from proofkeep.backup import Backup
from proofkeep.configuration import load
from proofkeep.format.names import PackId
from proofkeep.journal import JOURNAL
from proofkeep.progress import counted
from proofkeep.spool import OpenPack
from proofkeep.unfinished import KNOWN_ELSEWHERE, NOT_ASKED, OF_NO_PACK
from tests.engine.cli.places import Place
from tests.engine.cli.test_left import leave_sealed
from tests.engine.cli.test_status import only, status

UNREADABLE = "its journal is gone or cannot be read"


def opened(place: Place, run: str) -> Backup:
    """A run of the place's entry, to be entered."""
    configuration = load(place.config)
    connected = configuration.connect()
    return Backup(
        connected,
        configuration.open_state(connected),
        configuration.open_source(),
        configuration.key_providers(),
        configuration.identity(bytes.fromhex(run)),
        configuration.options(now_ns=time.time_ns()),
    )


def leave_sent(place: Place) -> str:
    """A run that had read its source to the end and sent everything, and was killed before any of it was proven."""
    run = os.urandom(16).hex()
    with opened(place, run) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
        backup.upload(backup.transfers()[0])
    return run


def folder_of(place: Place, run: str) -> Path:
    (folder,) = (place.root / "state").glob(f"*/runs/{run}")
    return folder


def lose_a_pack(place: Place, _: str) -> int:
    min(file for file in (place.root / "store" / "packs").rglob("*") if file.is_file()).unlink()
    return 1


def alter_a_pack(place: Place, _: str) -> int:
    pack = min(file for file in (place.root / "store" / "packs").rglob("*") if file.is_file())
    content = pack.read_bytes()
    pack.unlink()  # it is one file with the spool's
    pack.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return 1


def lose_the_spool(place: Place, run: str) -> int:
    packs = len(list((folder_of(place, run) / "spool").iterdir()))
    shutil.rmtree(folder_of(place, run) / "spool")
    return packs


@pytest.mark.parametrize(
    "befalls,what",
    [
        (lose_a_pack, "gone from the store"),
        (alter_a_pack, "not in the store as they were sealed"),
        (lose_the_spool, "gone from this host's spool"),
    ],
)
def test_source_that_was_read_to_its_end_and_cannot_be_committed_is_an_error(
    befalls: Callable[[Place, str], int], what: str, repository: Place
) -> None:
    run = leave_sent(repository)
    packs = only(status(repository)[1]["left"])["waiting"]
    lost = befalls(repository, run)

    ended = repository.run("resume-transfers", run)
    again = repository.run("resume-transfers", run, "--json")
    unnamed = repository.run("resume-transfers")
    repository.done("backup", "--resume", run)
    after = repository.done("resume-transfers", run)

    why = f"no snapshot: its source has to be read again, packs {what}: {lost}"
    assert (ended.code, again.code, unnamed.code) == (1, 1, 0)
    assert (
        ended.out
        == f"run {run} of home: 0 packs sent; {why}; the entry's next run counts on {counted(packs - lost, 'pack')}\n"
    )
    assert (
        f"run {run} has no snapshot, its source has to be read again, packs {what}: {lost} [pack-missing]" in ended.err
    )
    assert again.document["error"]["code"] == only(again.document["result"]["resumed"])["code"] == "pack-missing"
    assert unnamed.out == "nothing waits in the spool of this host\n"
    assert (only(after["resumed"])["complete"], only(after["resumed"])["code"]) == (True, None)
    assert status(repository)[0] == 0


def test_lost_packs_of_a_source_that_was_not_read_to_its_end_are_told_and_no_error(repository: Place) -> None:
    run = leave_sent(repository)
    with opened(repository, run) as backup:
        packs, _ = backup.journal.size()
        backup.journal.set_fact("end", None)
    lose_a_pack(repository, run)

    ended = repository.run("resume-transfers")

    why = "its source was not read to its end, packs gone: 1"
    assert ended.code == 0
    assert f"no snapshot: {why}; the entry's next run counts on {counted(packs - 1, 'pack')}" in ended.out


def test_run_that_was_given_up_is_said_to_be(repository: Place) -> None:
    run = leave_sent(repository)
    with opened(repository, run) as backup:
        backup.verify(backup.transfers()[0])
        packs, _ = backup.journal.size()
    repository.done("abandon", run)

    ended = repository.run("resume-transfers")

    assert ended.code == 0
    assert f"no snapshot: it was given up; the entry's next run counts on {counted(packs, 'pack')}" in ended.out


@pytest.mark.parametrize("how", ["gone", "empty", "no database"])
def test_spool_without_a_journal_is_listed_and_given_back(how: str, repository: Place) -> None:
    run = leave_sealed(repository)
    folder = folder_of(repository, run)
    size = sum(file.stat().st_size for file in (folder / "spool").iterdir())
    for part in folder.glob(f"{JOURNAL}*"):
        part.unlink()
    if how != "gone":
        (folder / JOURNAL).write_bytes(b"" if how == "empty" else b"no database at all" * 100)

    code, result = status(repository)
    told = repository.run("status").out
    sent = repository.run("resume-transfers", "--json"), repository.run("resume-transfers", run, "--json")
    after = status(repository)[1]["left"]
    alone = repository.run("resume-transfers", run)
    given_up = repository.run("abandon", run)
    repository.done("backup")

    left = only(result["left"])
    assert (code, left["run"], left["damaged"], left["spool_bytes"]) == (7, run, True, size)
    assert left["commands"] == [f"proofkeep abandon {run}"]
    assert f"left over: run {run}: {UNREADABLE}, " in told
    for ended in sent:
        assert (ended.code, ended.document["error"]["code"]) == (1, "state-damaged")
        assert run in ended.document["error"]["message"]
    assert (alone.code, alone.out) == (1, ""), "it does not say that nothing waits"
    assert after == result["left"]
    assert given_up.code == 0
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["lock"]
    assert (status(repository)[0], status(repository)[1]["left"]) == (0, [])


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_run_whose_journal_is_gone_goes_on_from_its_source_when_it_is_resumed(how: str, repository: Place) -> None:
    run = leave_sealed(repository)
    for part in folder_of(repository, run).glob(f"{JOURNAL}*"):
        part.unlink()
    if how == "empty":
        (folder_of(repository, run) / JOURNAL).touch()

    repository.done("backup", "--resume", run)

    assert (status(repository)[0], status(repository)[1]["left"]) == (0, [])


def test_run_that_was_committed_after_its_state_was_copied_is_told_by_its_snapshot(repository: Place) -> None:
    run = leave_sealed(repository)
    state, copy = repository.root / "state", repository.root / "state-copy"
    shutil.copytree(state, copy)
    snapshot = repository.done("backup", "--resume", run)["snapshot"]
    shutil.rmtree(state)
    copy.rename(state)

    left = only(status(repository)[1]["left"])
    told = repository.run("status").out
    resumed = only(repository.done("resume-transfers", run)["resumed"])
    again = repository.done("backup", "--resume", run)

    assert (left["snapshot"], left["commands"]) == (snapshot, [f"proofkeep resume-transfers {run}"])
    assert f"left over: run {run} of home: its {KNOWN_ELSEWHERE.format(snapshot)}\n" in told
    assert (resumed["snapshot"], resumed["complete"], resumed["sent"]) == (snapshot, True, 0)
    assert (again["snapshot"], again["complete"]) == (snapshot, True)
    assert (status(repository)[1]["left"], status(repository)[1]["history_damaged"]) == ([], True)
    assert repository.run("abandon", run).code == 2


def test_run_that_was_committed_after_its_state_was_copied_is_not_given_up(repository: Place) -> None:
    run = leave_sealed(repository)
    shutil.copytree(repository.root / "state", repository.root / "state-copy")
    snapshot = repository.done("backup", "--resume", run)["snapshot"]
    shutil.rmtree(repository.root / "state")
    (repository.root / "state-copy").rename(repository.root / "state")
    before = sorted((folder_of(repository, run) / "spool").iterdir())

    refused = repository.run("abandon", run)
    after = sorted((folder_of(repository, run) / "spool").iterdir())
    (repository.root / "store").rename(repository.root / "away")
    unasked = repository.run("abandon", run)

    step = f"`proofkeep resume-transfers {run}` frees its spool [usage]"
    assert (refused.code, refused.out) == (2, "")
    assert f"run {run} is not given up, its snapshot {snapshot} is committed: {step}" in refused.err
    assert after == before != []
    assert unasked.code == 0
    assert NOT_ASKED in unasked.out


def test_run_that_is_in_no_snapshot_is_given_up_without_a_doubt(repository: Place) -> None:
    run = leave_sealed(repository)

    told = repository.run("abandon", run)

    assert told.code == 0
    assert NOT_ASKED not in told.out
    assert repository.done("abandon", run)["packs"] == 0


def leave_cut(place: Place) -> str:
    """A run that was killed while its first pack grew: its journal knows of none."""
    run = os.urandom(16).hex()
    with opened(place, run) as backup:
        backup.begin()
        growing = OpenPack(backup.spool, PackId(backup.writer, bytes(16), 0))
        growing.append(bytes(3 << 20))
        growing.discard()
    return run


@pytest.mark.parametrize("by", ["backup", "resume-transfers", "abandon"])
def test_run_that_was_cut_in_its_first_pack_is_listed_with_its_bytes_and_given_back(by: str, repository: Place) -> None:
    run = leave_cut(repository)
    left = only(status(repository)[1]["left"])
    told = repository.run("status").out

    result = repository.done(*([by, run] if by == "abandon" else [by]))

    assert (left["waiting"], left["spool_bytes"]) == (0, 3 << 20)
    assert f"left over: run {run} of home: 3.0 MiB in the spool {OF_NO_PACK}\n" in told
    assert status(repository)[1]["left"] == []
    assert list((folder_of(repository, run) / "spool").iterdir()) == []
    assert result.get("adopted", []) == []


def test_run_that_a_later_snapshot_stands_for_is_told_with_it_as_long_as_that_is_whole(repository: Place) -> None:
    run = leave_sent(repository)
    lose_the_spool(repository, run)
    shutil.rmtree(repository.root / "store" / "packs")
    failed = repository.run("resume-transfers", run)
    snapshot = repository.done("backup")["snapshot"]

    stands = repository.run("resume-transfers", run)
    document = only(repository.done("resume-transfers", run)["resumed"])
    lose_a_pack(repository, run)
    damaged = repository.run("resume-transfers", run)

    assert (failed.code, stands.code, damaged.code) == (1, 0, 1)
    assert f"no snapshot of its own: snapshot {snapshot}, complete, is of a later instant; nothing" in stands.out
    assert (document["snapshot"], document["code"], document["later"]) == (None, None, snapshot)
    assert "[pack-missing]" in damaged.err
