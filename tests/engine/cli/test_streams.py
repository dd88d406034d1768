"""Standard streams that are full, closed or away, and signals outside a command's work: the exit code stays true."""

import subprocess
import sys
from pathlib import Path

import pytest

from proofkeep.errors import OutputError
from tests.engine.cli.places import Ended, Place
from tests.engine.cli.template import SCRIPT

SIGNALLED = """
import os, signal, sys, types
import proofkeep.cli
sys.modules["proofkeep.cli.entry"] = types.SimpleNamespace(run_command=lambda: {command})
code = proofkeep.cli.main()
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(code)
"""


def shell(place: Place, command: str) -> Ended:
    """A command line of a shell, `proofkeep` being the console script."""
    script = f'proofkeep() {{ "{SCRIPT}" "$@"; }}\n{command}'
    ended = subprocess.run(
        ["/bin/sh", "-c", script], cwd=place.root, env=place.started_with(), capture_output=True, text=True, check=False
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def snapshots(place: Place) -> int:
    return len(place.run("snapshots", "--json").document["rows"])


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "<&- >&- 2>&-", "--log json 2>/dev/full"])
def test_backup_goes_on_where_nobody_takes_standard_error(repository: Place, where: str) -> None:
    ended = shell(repository, f"proofkeep backup {where}")

    assert (ended.code, ended.err) == (0, "")
    assert snapshots(repository) == 1


def test_backup_goes_on_when_the_reader_of_standard_error_goes_away(repository: Place) -> None:
    ended = shell(repository, "{ proofkeep backup --log json; echo $? >code; } 2>&1 >/dev/null | head -c 1")

    assert (ended.out, (repository.root / "code").read_text()) == ("r", "0\n")
    assert snapshots(repository) == 1


@pytest.mark.parametrize("form", ["", "--json"])
def test_result_that_cannot_be_written_is_an_error_of_its_own(repository: Place, form: str) -> None:
    ended = shell(repository, f"proofkeep backup --quiet {form} >/dev/full")

    said = "result cannot be written to standard output: no space left on device"
    assert (ended.code, ended.err) == (1, f"proofkeep: {said} [output]\nhint: {OutputError.hint}\n")
    assert snapshots(repository) == 1


@pytest.mark.parametrize("command", ["snapshots", "ls latest"])
def test_listing_to_a_full_disk_ends_in_an_error(backed_up: Place, command: str) -> None:
    ended = shell(backed_up, f"proofkeep {command} >/dev/full")

    assert (ended.code, OutputError.code in ended.err, "unexpected" in ended.err) == (1, True, False)


def test_closed_standard_output_is_no_error(repository: Place) -> None:
    assert shell(repository, "proofkeep snapshots --json >&-").code == 0


def run(command: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    program = SIGNALLED.format(command=command)
    return subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)


def test_ctrl_c_while_a_command_is_loaded_ends_it_without_a_traceback(tmp_path: Path) -> None:
    ended = run("os.kill(os.getpid(), signal.SIGINT)", tmp_path)

    assert (ended.returncode, ended.stderr) == (-2, "")


def test_signal_after_a_command_said_how_it_ended_changes_nothing(tmp_path: Path) -> None:
    ended = run("4", tmp_path)

    assert (ended.returncode, ended.stderr) == (4, "")
