"""A defect of ours ends a command by its code and its places, not by a text that may hold a name."""

import json
import subprocess
import sys

PROGRAM = """
import sys
from proofkeep.cli import entry, ls

def broken(context):
    raise LookupError("payroll.ods")

def add(commands):
    parser = commands.add_parser("ls")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(command=broken, log="none")

ls.add = add
sys.exit(entry.run_command())
"""


def test_defect_is_told_by_code_and_place_and_never_by_its_text() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, "ls"], capture_output=True, text=True, check=False)

    first, hint, *places = ended.stderr.splitlines()
    assert (ended.returncode, first) == (1, "proofkeep: command met an unexpected LookupError [unexpected]")
    assert hint.startswith("hint: Run it once more")
    assert "broken" in places[-1]
    assert "payroll" not in ended.stderr + ended.stdout


def test_defect_is_in_the_json_document_too() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, "ls", "--json"], capture_output=True, text=True, check=False)

    error = json.loads(ended.stdout)["error"]
    assert (error["code"], error["retryable"]) == ("unexpected", False)
    assert set(error) == {"code", "cause", "message", "hint", "retryable"}
