"""What a run left, by `status`, `resume-transfers` and `abandon` as a person or a monitor meets them."""

import os
import shutil
import time

from proofkeep.backup import Backup
from proofkeep.configuration import load
from proofkeep.unfinished import STAYS
from tests.engine.cli.places import Place
from tests.engine.cli.test_status import only, status


def leave_sealed(place: Place) -> str:
    """A run that sealed everything and could not send it: the store's folder for packs is away. Its id."""
    packs = place.root / "store" / "packs"
    packs.mkdir(exist_ok=True)
    kept = packs.with_name("kept")
    packs.rename(kept)
    packs.write_bytes(b"in the way")
    run = os.urandom(16).hex()
    ended = place.run("backup", "--run", run, "--json")
    assert ended.code == 1, ended.err
    packs.unlink()
    kept.rename(packs)
    return run


def test_left_over_packs_are_listed_with_commands_that_work(repository: Place) -> None:
    run = leave_sealed(repository)
    shutil.move(repository.source, repository.root / "elsewhere")

    code, result = status(repository)
    left = only(result["left"])
    assert (code, left["run"], left["entry"], left["ended"]) == (7, run, "home", True)
    assert left["waiting"] > 0
    assert left["commands"] == [f"proofkeep resume-transfers {run}", f"proofkeep abandon {run}"]

    resumed = only(repository.done(*left["commands"][0].split()[1:])["resumed"])

    assert (resumed["sent"], resumed["complete"]) == (left["waiting"], True)
    code, result = status(repository)
    assert (code, result["left"], only(result["entries"])["failures"]) == (0, [], [])
    repository.done("restore", "latest", "restored")


def test_run_that_had_not_read_its_whole_source_is_listed_with_a_command_that_gives_it_up(repository: Place) -> None:
    repository.configure(backup=f"spool_limit = {16 << 20}\npack_size = {4 << 20}")
    (repository.source / "larger").write_bytes(os.urandom(20 << 20))
    run = leave_sealed(repository)

    code, result = status(repository)
    left = only(result["left"])
    told = repository.done(*left["commands"][-1].split()[1:])

    assert (code, left["run"], left["ended"]) == (7, run, False)
    assert told["packs"] == left["waiting"] > 0
    assert status(repository)[1]["left"] == []


def test_what_is_given_up_is_told_and_needs_neither_key_nor_store(repository: Place) -> None:
    run = leave_sealed(repository)
    for name in ("host.secret", "key.pem"):
        (repository.root / name).unlink()
    shutil.rmtree(repository.root / "store")

    told = repository.done("abandon", run)

    assert told["packs"] > 0
    assert told["freed"] == told["bytes"] > 0
    assert told["entry"] == "home"
    again = repository.run("abandon", run)
    assert (again.code, "the source must be read again" in again.out) == (0, True)
    assert "has no journal on this host" in repository.run("abandon", "00" * 16).err


def test_packs_that_were_sent_and_given_up_are_listed_for_good_and_alarm_nobody(repository: Place) -> None:
    repository.done("backup")
    (repository.source / "new").write_bytes(os.urandom(100_000))
    run = os.urandom(16)
    configuration = load(repository.config)
    connected = configuration.connect()
    with Backup(
        connected,
        configuration.open_state(connected),
        configuration.open_source(),
        configuration.key_providers(),
        configuration.identity(run),
        configuration.options(now_ns=time.time_ns()),
    ) as backup:
        backup.begin()
        backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
        backup.upload(backup.transfers()[0])

    before = only(status(repository)[1]["left"])
    listed = repository.run("status").out
    given_up = repository.run("abandon", run.hex())
    repository.done("backup")
    code, result = status(repository)
    said = repository.run("status").out

    left = only(result["abandoned"])
    assert (code, left["run"], left["entry"], result["left"]) == (0, run.hex(), "home", [])
    assert left["remains"] == before["sent"] > 0
    assert f"wait in the spool, {before['sent']} of them sent and not proven yet, 0 (0 B) are proven and" in listed
    assert left["remains_bytes"] > 100_000
    assert f"{left['remains']} of them were sent and not proven: {STAYS}" in given_up.out
    assert f"abandoned: run {run.hex()} of home: {left['remains']} packs (" in said
    assert STAYS in said


def test_next_backup_tells_what_it_took_up(repository: Place) -> None:
    run = leave_sealed(repository)

    told = only(repository.done("backup")["adopted"])

    assert told["run"] == run
    assert told["packs"] == told["sent"] > 0
    assert status(repository)[0] == 0
