"""What can be said of compose.yaml without containers: it is a compose file, and each command line exists.

`compose-spec.schema.json` is the published schema of the Compose specification (Apache-2.0), as it stands there.
"""

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # its stubs are not in the lock
import pytest
import yaml  # type: ignore[import-untyped] # as above

from infra.units import Unit
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
    elsewhere = {"PREFECT_API_DATABASE_CONNECTION_URL", "CREDENTIALS_DIRECTORY", "HOME", "TMPDIR"}

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
