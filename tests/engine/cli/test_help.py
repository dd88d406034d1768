"""What `--help` says: every command in one line, and how it ends."""

import re

import pytest

from proofkeep.cli.exits import Exit
from tests.engine.cli.places import Place

COMMANDS = (
    "init",
    "keygen",
    "enrol",
    "backup",
    "resume-transfers",
    "abandon",
    "snapshots",
    "ls",
    "verify",
    "restore",
    "drill",
    "status",
    "explain",
    "plan",
    "apply",
    "reconcile",
    "configure",
)
STEPS = {"keygen": ("key", "public", "host-secret"), "enrol": ("request", "grant", "accept", "recover")}


def listed(text: str) -> dict[str, str]:
    """Commands and what stands beside each of them, in the same line."""
    return dict(re.findall(r"^    (\S+) +(\S.*)$", text, re.MULTILINE))


def test_every_command_is_said_in_one_line(place: Place) -> None:
    place.environment = {"COLUMNS": "90"}

    assert tuple(listed(place.run("--help").out)) == COMMANDS
    for command, steps in STEPS.items():
        assert tuple(listed(place.run(command, "--help").out)) == steps


def test_exit_codes_are_said(place: Place) -> None:
    place.environment = {"COLUMNS": "200"}

    told = dict(re.findall(r"(\d) ([a-z ]+)[,.]", place.run("--help").out.partition("Exit codes:")[2]))

    assert told == {str(code.value): code.name.lower().replace("_", " ") for code in Exit}


@pytest.mark.parametrize("command", [*COMMANDS, *(f"{name} {step}" for name, steps in STEPS.items() for step in steps)])
def test_every_command_explains_each_of_its_options(place: Place, command: str) -> None:
    place.environment = {"COLUMNS": "200"}

    ended = place.run(*command.split(), "--help")

    assert (ended.code, ended.err) == (0, "")
    options = re.findall(r"^  (-\S.*)$", ended.out, re.MULTILINE)
    assert options
    assert [option for option in options if not re.search(r"\S  +\S", option)] == []
