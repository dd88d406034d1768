"""Progress: bars on a terminal, plain lines elsewhere, nothing when told so."""

import os
import pty
import subprocess

from tests.engine.cli.places import Place


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


def test_terminal_is_quiet_when_told_so(repository: Place) -> None:
    assert on_a_terminal(repository, "backup", "--quiet") == ""


def test_elsewhere_plain_lines_tell_the_last_counts(repository: Place) -> None:
    ended = repository.run("backup")

    assert "\x1b" not in ended.err
    assert "snapshot: 5 files, 3.0 MiB" in ended.err
