"""The process ends without taking itself down, and loses nothing by it."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import atexit, sys, threading
from proofkeep.cli.ending import Ending

ending = Ending()
at_last = type("AtLast", (), {"__del__": lambda _: print("taken down")})()
thread = threading.Thread(target=lambda: (threading.main_thread().join(), print("thread")))
thread.start()
atexit.register(print, "asked")
print("said")
"""


def end(rest: str, output: Path) -> tuple[int, list[str], str]:
    """Exit code, lines on a standard output that is a file, standard error."""
    with output.open("w") as out:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM + rest], stdout=out, stderr=subprocess.PIPE, text=True, check=False, env={}
        )
    return ended.returncode, output.read_text().split("\n") if output.is_file() else [], ended.stderr


@pytest.mark.parametrize("code", [0, 4, 130])
def test_what_is_to_be_done_at_exit_is_done_and_nothing_is_taken_down(code: int, tmp_path: Path) -> None:
    told = end(f"ending.code = {code}; sys.exit({code})", tmp_path / "out")

    assert told == (code, ["said", "thread", "asked", ""], "")


def test_defect_ends_as_python_has_it(tmp_path: Path) -> None:
    code, out, error = end("raise LookupError", tmp_path / "out")

    assert (code, out) == (1, ["said", "thread", "asked", "taken down", ""])
    assert "LookupError" in error


def test_output_that_nobody_takes_ends_as_python_has_it() -> None:
    code, _, _ = end("ending.code = 0; sys.exit(0)", Path("/dev/full"))

    assert code == 120
