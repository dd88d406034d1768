"""What can be said of compose.yaml without containers: it is a compose file, and each command line exists.

`compose-spec.schema.json` is the published schema of the Compose specification (Apache-2.0), as it stands there.
"""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # its stubs are not in the lock
import pytest
import yaml  # type: ignore[import-untyped] # as above

from infra.units import DIRECTORY, Unit
from tests.architecture.tree import ROOT

FILE = ROOT / "infra" / "compose" / "compose.yaml"
SCHEMA = json.loads((Path(__file__).parent / "compose-spec.schema.json").read_text())
OURS = ("server", "worker")
UNITS = {"server": "proofkeep-server.service", "worker": "proofkeep-worker.service"}


def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def command_lines(service: Mapping[str, Any]) -> Iterator[list[str]]:
    """Commands of a service, those of its shell's script too."""
    command = service["command"]
    if command[:2] != ["sh", "-c"]:
        yield command
        return
    for line in command[2].replace("$$", "$").splitlines():
        words = line.strip().removeprefix("exec ")
        if words.startswith(".venv/"):
            yield shlex.split(words)


def test_file_fits_the_published_schema() -> None:
    jsonschema.validate(document(), SCHEMA, jsonschema.Draft7Validator)


def test_schema_refuses_what_is_no_compose_file() -> None:
    wrong = document()
    wrong["services"]["server"]["comand"] = wrong["services"]["server"].pop("command")

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA, jsonschema.Draft7Validator)


@pytest.mark.parametrize("name", OURS)
def test_command_lines_are_those_of_the_units(name: str) -> None:
    unit = Unit.read(UNITS[name], {"/opt/proofkeep/.venv": ".venv", "127.0.0.1": "0.0.0.0"})  # noqa: S104 - a container's
    names = {"PROOFKEEP_HOST": "$PROOFKEEP_HOST"}
    again = [Unit.read("proofkeep-reconcile.service", unit.places)] if name == "worker" else []
    timed = [command for each in again for command in each.commands("ExecStart", names)]
    of_unit = [*unit.commands("ExecStartPre", names), *timed, *unit.commands("ExecStart", names)]
    password = "PREFECT_API_DATABASE_CONNECTION_URL=database-url"  # its database is no socket away

    of_compose = [[word for word in line if word != password] for line in command_lines(document()["services"][name])]

    assert of_compose == of_unit


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name: str) -> None:
    for line in command_lines(document()["services"][name]):
        for program in (line[0], line[line.index("--") + 1]):
            assert shutil.which(program.replace(".venv", sys.prefix)), program


@pytest.mark.parametrize("name", OURS)
def test_settings_are_those_of_the_units(name: str) -> None:
    of_unit = Unit.read(UNITS[name]).environment
    of_compose = document()["services"][name]["environment"]
    elsewhere = {"PREFECT_API_DATABASE_CONNECTION_URL", "CREDENTIALS_DIRECTORY", "HOME", "TMPDIR", "SQLITE_TMPDIR"}

    said, wanted = (
        {key: value for key, value in each.items() if key not in elsewhere} for each in (of_compose, of_unit)
    )
    assert said == wanted


def test_every_secret_used_is_a_file_and_none_stands_in_the_environment() -> None:
    found = document()

    used = {secret for service in found["services"].values() for secret in service.get("secrets", [])}
    assert used == set(found["secrets"])
    assert all(set(secret) == {"file"} for secret in found["secrets"].values())
    assert "PASSWORD:" not in FILE.read_text()


def test_paths_that_are_mounted_exist_in_the_checkout_or_are_said_to_be_made() -> None:
    made = {"./tls", "./tls/ca.pem", "/srv"}
    mounted = {
        volume.split(":")[0]
        for service in document()["services"].values()
        for volume in service.get("volumes", [])
        if volume[0] in "./"
    }

    assert {path for path in mounted - made if not (FILE.parent / path).exists()} == set()
    assert (ROOT / document()["services"]["server"]["build"]["dockerfile"]).exists()


def test_server_reaches_whom_its_automations_notify_and_other_machines_reach_the_proxy_alone() -> None:
    found = document()
    services = found["services"]
    leading_out = {name for name, network in found["networks"].items() if not network.get("internal")}
    servers_own = set(services["server"]["networks"]) & leading_out

    assert servers_own
    assert {name for name, service in services.items() if servers_own & set(service["networks"])} == {"server"}
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert not leading_out & set(services["database"]["networks"])


@pytest.mark.parametrize("name", OURS)
def test_services_have_as_long_to_stop_as_the_units_give_them(name: str) -> None:
    (seconds,) = Unit.read(UNITS[name]).settings["Service.TimeoutStopSec"]

    assert document()["services"][name]["stop_grace_period"] == f"{seconds}s"


def test_old_runs_are_deleted_by_the_command_line_of_the_units_timer() -> None:
    unit = Unit.read("proofkeep-database-retention.service", {"/opt/proofkeep/.venv": ".venv"})
    service = document()["services"]["retention"]

    assert list(command_lines(service)) == unit.commands("ExecStart", {})
    assert service["environment"]["PREFECT_API_URL"] == unit.environment["PREFECT_API_URL"]
    assert service["environment"]["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_no_container_logs_without_bound() -> None:
    kept = {name: service.get("logging", {}).get("options", {}) for name, service in document()["services"].items()}

    assert {name for name, options in kept.items() if not {"max-size", "max-file"} <= options.keys()} == set()


# --- what grows in the worker's volumes

Turn = Callable[[str], list[str]]


@pytest.fixture
def turn(tmp_path: Path) -> Turn:
    """One turn of the worker's loop on a given day, below `tmp_path`; names of the files of events afterwards."""
    script = document()["services"]["worker"]["command"][2].replace("$$", "$")
    inside = script.partition("; do\n")[2].partition("\ndone")[0].splitlines()
    lines = "\n".join(line for line in inside if not line.strip().startswith(".venv/"))
    for folder in ("/var/log/proofkeep", "/var/lib/proofkeep"):
        assert folder in lines
        lines = lines.replace(folder, f"{tmp_path}{folder}")
    calendar = tmp_path / "bin" / "date"
    calendar.parent.mkdir()
    calendar.write_text(f'#!/bin/sh\nexec {shutil.which("date")} --utc --date="$TODAY" "$@"\n')
    calendar.chmod(0o755)
    logs = tmp_path / "var/log/proofkeep"
    logs.mkdir(parents=True)

    def taken(today: str) -> list[str]:
        environment = {"PATH": f"{calendar.parent}:{os.environ['PATH']}", "TODAY": today}
        done = subprocess.run(["sh", "-c", lines], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return sorted(file.name for file in logs.iterdir())

    return taken


def aged(file: Path, days: int) -> None:
    """Let it be a file that nobody has written to for so long."""
    file.touch()
    os.utime(file, times=(time.time() - days * 86_400,) * 2)


def said_in(name: str, pattern: str) -> int:
    """A number in a file for hosts with systemd."""
    (number,) = re.findall(pattern, (DIRECTORY / name).read_text())
    return int(number)


def test_worker_puts_its_events_away_once_a_week_and_cuts_no_file_under_a_run(turn: Turn, tmp_path: Path) -> None:
    logs = tmp_path / "var/log/proofkeep"
    events, put_away = logs / "events.jsonl", logs / "events-2026-W48.jsonl"
    events.touch()
    assert turn("2026-11-29") == ["events.jsonl"], "nothing was said yet"
    events.write_text("first\n")

    with events.open("a") as run:
        assert turn("2026-11-29") == [put_away.name]
        run.write("late\n")
    events.write_text("second\n")

    assert turn("2026-11-29") == [put_away.name, events.name]
    assert turn("2026-11-30") == [put_away.name, "events-2026-W49.jsonl"]
    assert put_away.read_text() == "first\nlate\n"
    assert (logs / "events-2026-W49.jsonl").read_text() == "second\n"


def test_worker_packs_events_that_nobody_writes_to_any_more_and_overwrites_none(turn: Turn, tmp_path: Path) -> None:
    logs = tmp_path / "var/log/proofkeep"
    (logs / "events.jsonl").write_text("first\n")
    turn("2026-11-29")
    aged(logs / "events-2026-W48.jsonl", 8)

    assert turn("2026-11-29") == ["events-2026-W48.jsonl.gz"]
    (logs / "events.jsonl").write_text("second\n")

    assert turn("2026-11-29") == ["events-2026-W48.jsonl.gz", "events.jsonl"]
    assert gzip.decompress((logs / "events-2026-W48.jsonl.gz").read_bytes()) == b"first\n"


def test_worker_keeps_events_and_results_for_as_long_as_hosts_with_systemd_do(turn: Turn, tmp_path: Path) -> None:
    logs, storage = tmp_path / "var/log/proofkeep", tmp_path / "var/lib/proofkeep/prefect/storage"
    storage.mkdir(parents=True)
    of_events, of_results = 7 * said_in("logrotate.conf", r"rotate (\d+)"), said_in("tmpfiles.conf", r"m:(\d+)d")
    for days in (of_events - 1, of_events + 1):
        aged(logs / f"events-{days}.jsonl.gz", days)
    for days in (0, of_results - 1, of_results + 1):
        aged(storage / str(days), days)

    assert turn("2026-11-29") == [f"events-{of_events - 1}.jsonl.gz"]
    assert {file.name for file in storage.iterdir()} == {"0", str(of_results - 1)}
