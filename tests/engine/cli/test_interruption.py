"""Ctrl-C and SIGTERM in the middle of a backup, and going on from there."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from proofkeep.backup.underway import WAITS
from tests.engine.cli.places import Ended, Place
from tests.engine.targets.trees import portrait
from tests.holding import turn_held

MIB = 1 << 20


def events(stderr: str) -> Iterator[dict[str, object]]:
    for line in stderr.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def packs_of(ended: Ended, event: str) -> list[object]:
    return [each["pack"] for each in events(ended.err) if each["event"] == event]


def interrupted_at(place: Place, words: str, number: signal.Signals) -> Ended:
    """Send a signal when a line of standard error first has `words` in it."""
    command = place.command("backup", "--json", "--log", "json", "--run", "ab" * 16)
    with subprocess.Popen(
        command,
        cwd=place.root,
        env=place.started_with(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if words in line:
                process.send_signal(number)
                break
        said.extend(process.stderr)
        out = process.stdout.read()
    return Ended(process.returncode, out, "".join(said))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_backup_goes_on_and_sends_nothing_twice(repository: Place, number: signal.Signals) -> None:
    for name in range(4):
        (repository.source / f"large {name}").write_bytes(os.urandom(40 * MIB))
    repository.configure(backup=f"spool_limit = {64 * MIB}")

    stopped = interrupted_at(repository, '"event": "pack-sent"', number)
    listed = repository.run("snapshots", "--json")
    resumed = repository.run("backup", "--json", "--log", "json", "--resume", "ab" * 16)

    assert stopped.code == 128 + number
    assert stopped.document["error"]["code"] == "cancelled"
    assert stopped.document["result"] == {"run": "ab" * 16}
    assert f"hint: Go on with `proofkeep backup --resume {'ab' * 16}`.\n" in stopped.err
    assert listed.document["rows"] == []
    assert resumed.code == 0
    sent = packs_of(stopped, "pack-sent") + packs_of(resumed, "pack-sent")
    assert len(sent) == len(set(sent))
    repository.done("restore", "latest", "restored")
    assert portrait(repository.root / "restored") == portrait(repository.source)


def test_backup_says_that_it_waits_for_another_commit_and_hears_an_interruption(repository: Place) -> None:
    repository.done("backup")
    (runs,) = repository.root.glob("state/*/runs")
    with turn_held(runs.with_name("ledger.lock")):
        stopped = interrupted_at(repository, f"{WAITS}: 1 seconds", signal.SIGINT)
    resumed = repository.run("backup", "--json", "--resume", "ab" * 16)

    assert stopped.code == 128 + signal.SIGINT
    assert stopped.document["error"]["code"] == "cancelled"
    assert resumed.code == 0


def test_finished_run_is_not_run_again(repository: Place) -> None:
    first = repository.done("backup", "--run", "cd" * 16)

    again = repository.done("backup", "--resume", "cd" * 16)

    assert again["snapshot"] == first["snapshot"]
    assert len(repository.run("snapshots", "--json").document["rows"]) == 1


def test_closed_pipe_ends_a_listing_quietly(repository: Place) -> None:
    for number in range(3000):
        (repository.source / f"{number:0200d}").touch()
    repository.done("backup")

    with subprocess.Popen(
        repository.command("ls", "latest"),
        cwd=repository.root,
        env=repository.started_with(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert process.returncode == 141
    assert said == ""
