"""The commands `proofkeep` and `prefect` of an installation, as systemd is asked for them. No systemd is asked here."""

import subprocess
from pathlib import Path

import pytest

from infra.units import DIRECTORY, Unit
from tests.architecture.tree import ROOT

SHARED = (
    "AmbientCapabilities",
    "CapabilityBoundingSet",
    "EnvironmentFile",
    "LimitCORE",
    "NoNewPrivileges",
    "UMask",
)


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """What `proofkeep abandon RUN` asks of `systemd-run` on a host with a host secret in a file."""
    return ask(tmp_path, secret=True)


def ask(folder: Path, *, secret: bool) -> list[str]:
    (folder / "systemd-run").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    text = (DIRECTORY / "on-host.sh").read_text()
    (folder / "proofkeep").write_text(text.replace("secret=/etc/proofkeep/host.secret", f"secret={folder}/host.secret"))
    if secret:
        (folder / "host.secret").touch()
    for name in ("systemd-run", "proofkeep"):
        (folder / name).chmod(0o755)
    done = subprocess.run(
        [folder / "proofkeep", "abandon", "a run"],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def properties(asked: list[str]) -> list[tuple[str, str]]:
    said = [option.removeprefix("--property=") for option in asked if option.startswith("--property=")]
    return [(key, value) for key, _, value in (each.partition("=") for each in said)]


def test_command_on_a_host_has_what_the_worker_has(asked: list[str]) -> None:
    worker = Unit.read("proofkeep-worker.service")

    found = properties(asked)

    assert {key: value for key, value in found if key != "LoadCredential"} == {
        key: worker.settings[f"Service.{key}"][0] for key in SHARED
    }
    assert [f"--uid={worker.settings['Service.User'][0]}"] == [each for each in asked if each.startswith("--uid")]
    assert f"--working-directory={worker.settings['Service.WorkingDirectory'][0]}" in asked
    command = asked[asked.index("--") + 1 :]
    (started,) = worker.commands("ExecStartPre", {})
    assert command == [*started[:-1], "abandon", "a run"]


@pytest.mark.parametrize("secret", [True, False])
def test_host_secret_is_handed_over_where_it_is_a_file(secret: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    files = Unit.read("proofkeep-worker.service").credentials
    if secret:
        files = files | {"host-secret": f"{tmp_path}/host.secret"}

    handed = [value for key, value in properties(ask(tmp_path, secret=secret)) if key == "LoadCredential"]

    assert sorted(handed) == sorted(f"{name}:{path}" for name, path in files.items())
    assert Unit.read("host-secret.conf").credentials["host-secret"] in (DIRECTORY / "on-host.sh").read_text()


@pytest.mark.requires("systemd-run")
def test_systemd_knows_every_option(asked: list[str]) -> None:
    known = subprocess.run(["systemd-run", "--help"], capture_output=True, text=True, check=True).stdout

    options = {option.partition("=")[0] for option in asked[: asked.index("--")]}
    assert {option for option in options if f" {option}" not in known} == set()


def test_installation_page_puts_both_commands_where_root_finds_them() -> None:
    page = (ROOT / "docs" / "platform-engineer" / "installation.md").read_text()

    for name in ("proofkeep", "prefect"):
        assert f"\nln -s /opt/proofkeep/infra/systemd/on-host.sh /usr/local/bin/{name}\n" in page
