"""Progress: bars on a terminal, plain lines elsewhere, nothing when told so."""

import io
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from proofkeep.cli import bars
from proofkeep.cli.progress import PATIENCE_SECONDS, Lines, Patient, shown_progress
from proofkeep.pace import Pace
from tests.engine.cli.places import Place

AT_ONCE = (
    sys.executable,
    "-c",
    """if True:
        import sys
        from proofkeep.cli import main, progress

        progress.PATIENCE_SECONDS = 0.0
        del sys.argv[0]
        sys.exit(main())
    """,
)
"""Runs the console script's command with no patience."""


def on_a_terminal(place: Place, *arguments: str) -> str:
    """What the command writes to standard error when that is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        place.command(*arguments),
        cwd=place.root,
        env=place.started_with() | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        while part := _read(ours):
            said += part
    os.close(ours)
    assert process.returncode == 0, said
    return said.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux says that the other end was closed
        return b""


def test_terminal_shows_bars_with_counts(repository: Place) -> None:
    said = on_a_terminal(repository, "backup")

    assert "\x1b[" in said
    assert "snapshot" in said
    assert "5 files" in said
    assert "3.0 MiB new" in said


@pytest.mark.parametrize("width", [80, 120])
def test_bars_show_rate_and_time_left_however_narrow_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    drawn = io.StringIO()
    monkeypatch.setattr(bars, "Console", lambda **_: Console(file=drawn, width=width, force_terminal=True))
    monkeypatch.setattr(bars, "Pace", lambda: Pace(clock=lambda: now))

    with bars.Bars(100 << 30) as shown:
        for second in range(31):
            now = float(second)
            known = {"files": 412_345, "chunks": 812_345, "new_bytes": 31 << 30}
            shown("snapshot", bytes=second << 30, read_bytes=second << 30, **known)

    (last,) = {line for line in drawn.getvalue().splitlines() if "30.0 GiB" in line}
    assert "1.0 GiB/s, 1m10s left" in last
    assert "412345 files" in last
    assert "chunks" not in last


def test_terminal_is_quiet_when_told_so(repository: Place) -> None:
    assert on_a_terminal(repository, "backup", "--quiet") == ""


def test_elsewhere_plain_lines_tell_the_last_counts(repository: Place) -> None:
    ended = repository.run("backup")

    assert "\x1b" not in ended.err
    assert "snapshot: 5 files, 3.0 MiB" in ended.err


def test_lines_tell_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    lines = Lines(total_bytes=1000 << 20, clock=lambda: now)
    for second in range(0, 41, 5):
        now = float(second)
        lines("restore", files=second, bytes=second * 10 << 20)
    lines.close()

    assert capsys.readouterr().err.splitlines() == [
        "restore: 0 files, 0 B",
        "restore: 10 files, 100.0 MiB, 10.0 MiB/s, 1m30s left",
        "restore: 20 files, 200.0 MiB, 10.0 MiB/s, 1m20s left",
        "restore: 30 files, 300.0 MiB, 10.0 MiB/s, 1m10s left",
        "restore: 40 files, 400.0 MiB, 10.0 MiB/s, 1m left",
    ]


def test_what_is_over_in_a_second_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with Patient(lambda: shown_progress(quiet=False), clock=lambda: now) as progress:
        progress("list", snapshots=1)
        now = PATIENCE_SECONDS - 0.1
        progress("list", snapshots=2)
    assert capsys.readouterr().err == ""


def test_what_takes_longer_is_shown_from_then_on(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with Patient(lambda: shown_progress(quiet=False), clock=lambda: now) as progress:
        progress("list", snapshots=1)
        now = PATIENCE_SECONDS
        progress("list", snapshots=2)
        progress("list", snapshots=3)

    assert capsys.readouterr().err.splitlines() == ["list: 2 snapshots", "list: 3 snapshots"]


@pytest.mark.parametrize("command", [("snapshots",), ("status",), ("ls", "latest"), ("restore", "latest", "again")])
def test_commands_that_first_read_a_repository_tell_what_they_wait_for(
    repository: Place, command: tuple[str, ...]
) -> None:
    repository.run("backup")

    assert "list: 1 snapshots" in repository.run(*command, under=AT_ONCE).err


@pytest.mark.parametrize("terminal", [True, False])
def test_every_verb_that_takes_time_shows_what_it_does(repository: Place, *, terminal: bool) -> None:
    repository.configure(drill="rto_seconds = 3600")

    def said(*arguments: str) -> str:
        return on_a_terminal(repository, *arguments) if terminal else repository.run(*arguments).err

    backup, verify = said("backup"), said("verify", "--read-all")
    restore, drill = said("restore", "latest", "restored"), said("drill")

    for step in ("snapshot", "upload", "verify", "commit", "learn"):
        assert step in backup
    assert "5 files" in backup
    assert "ledger" in verify
    assert "objects" in verify
    assert "5 files, 3.0 MiB" in restore
    assert "restore" in drill
    assert "attack" in drill
