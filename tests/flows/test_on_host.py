"""Commands of the pages, typed as they stand there on a host that has blocks only: they answer as the flows do."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks import Source
from flows.backup import backup
from flows.status import status
from infra.units import DIRECTORY
from proofkeep.configuration import load
from tests.architecture.tree import ROOT
from tests.docs.pages import DOCS, blocks_run_by
from tests.engine.unprivileged import NOBODY
from tests.flows.conftest import PrefectSide
from tests.flows.house import ENTRY, House, store_documents
from tests.flows.running import artifacts, message, run_here
from tests.flows.test_recovery import packs_away

THIS = "tests/flows/test_on_host.py"
WRITTEN = f"{THIS}::test_configuration_file_of_a_host_is_written_from_its_blocks"
TYPED = f"{THIS}::test_commands_of_the_on_call_page_work_as_they_stand_there"
ATTENTION = 7
MONITOR = "https://monitor.example/known-to-nobody"


@dataclass(frozen=True)
class Host:
    """A host with the commands of an installation; `house` is what its blocks describe, with a credential as secret."""

    root: Path
    house: House

    @property
    def file(self) -> Path:
        """Its configuration file."""
        return self.house.state / "proofkeep.toml"

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """What root types there."""
        path = f"{self.root / 'bin'}:/usr/bin:/bin"
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.root,
            env={"PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def configured(self) -> str:
        """The command of the installation page, done with the names of the house's blocks."""
        (block,) = blocks_run_by(DOCS / "platform-engineer" / "installation.md", WRITTEN)
        done = self.types(f"{block.strip().replace(' main ', f' {self.house.name} ')} --source {self.house.name}")
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def host(
    prefect: PrefectSide, make_house: Callable[..., House], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Host:
    house = make_house()
    house.fill(2)
    house.state.mkdir(mode=0o700, exist_ok=True)
    house.block = house.block.model_copy(update={"host_secret": "credential:host-secret"})
    store_documents(house.name, house.block)
    programs, etc = tmp_path / "bin", tmp_path / "etc"
    for folder in (programs, etc):
        folder.mkdir()
    shutil.copy(house.root / "host.secret", etc / "host.secret")
    shutil.copy(house.root / "host.secret", etc / "host-secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(etc))  # of flows in this process
    settings = {name: value for name, value in prefect.environment.items() if name.startswith("PREFECT_")}
    (etc / "api-auth").write_text(f"{settings.pop('PREFECT_API_AUTH_STRING', 'user:password')}\n")
    (etc / "worker.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    script = (DIRECTORY / "on-host.sh").read_text()
    here = {"/opt/proofkeep/.venv": sys.prefix, "/etc/proofkeep": str(etc), "/var/lib/proofkeep": str(house.state)}
    for installed, place in here.items():
        script = script.replace(installed, place)
    stand_in = f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests/flows/systemd_run.py"} "$@"\n'
    for name, text in {"proofkeep": script, "prefect": script, "systemd-run": stand_in}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return Host(tmp_path, house)


def test_configuration_file_of_a_host_is_written_from_its_blocks(host: Host) -> None:
    house = host.house
    source = Source(root=str(house.source), label="test", ping_url=SecretStr(MONITOR))
    store_documents(house.name, source)

    told, text = host.configured(), host.file.read_bytes()
    host.configured()

    assert told == f"configuration of repository {house.name}, entry {ENTRY} written to {host.file}\n"
    assert load(host.file) == house.block.configuration(entry=ENTRY, source=source)
    assert host.file.read_bytes() == text
    assert host.file.stat().st_mode & 0o777 == 0o600
    assert (house.root / "host.secret").read_bytes() not in text
    assert load(host.file).ping_url == MONITOR


def test_commands_of_the_on_call_page_work_as_they_stand_there(host: Host) -> None:
    house = host.house
    host.configured()
    with packs_away(house):
        failed = run_here(backup, house.parameters())
    watched = {"repository": house.name, "entries": [{"entry": ENTRY, "source": house.name}]}
    (block,) = blocks_run_by(DOCS / "on-call" / "README.md", TYPED)
    asks, sends = (line.replace("RUN", failed.id.hex) for line in block.splitlines())

    seen, told = run_here(status, watched), host.types(f"{asks} --json")
    sent = host.types(sends)
    later, told_later = run_here(status, watched), host.types(asks)

    (entry,) = json.loads(told.stdout)["result"]["entries"]
    codes = ["overdue", *(failure["code"] for failure in entry["failures"])]
    assert (told.returncode, entry["overdue"], len(codes)) == (ATTENTION, True, 2), told.stderr
    assert message(seen).startswith(f"{ENTRY}: {', '.join(codes)}.")
    assert f"`{sends}`" in artifacts(seen.id)["markdown"]
    assert sent.returncode == 0, sent.stderr
    assert (later.state_name, told_later.returncode) == ("Completed", 0), told_later.stderr


def test_files_are_explained_and_runs_are_found_at_the_server_by_what_a_host_has(host: Host) -> None:
    house = host.house
    host.configured()
    run = run_here(backup, house.parameters())
    keyed = house.configuration.connect().keys.ids.path_id(b"noise-001").hex()

    explained = host.types(f"proofkeep explain {run.id.hex} {keyed}")
    inspected = host.types(f"prefect flow-run inspect {run.id}")

    assert explained.stdout == f"{keyed}  noise-001\n", explained.stderr
    assert (inspected.returncode, str(run.id) in inspected.stdout) == (0, True), inspected.stderr


@pytest.mark.requires(root=True)
def test_file_of_a_host_is_not_written_by_another_user_than_its_worker(house: House, prefect: PrefectSide) -> None:
    house.state.mkdir(exist_ok=True)
    os.chown(house.state, NOBODY, NOBODY)

    refused = prefect.command("proofkeep", "configure", house.name, "--config", str(house.root / "host.toml"))

    assert refused.returncode == 1
    assert "[state-owner]" in refused.stderr
    assert not (house.root / "host.toml").exists()


@pytest.mark.parametrize(
    "arguments,words",
    [
        (("nowhere",), "block proofkeep-repository/nowhere does not exist at this prefect server [usage]"),
        (("nowhere", "--source", "home"), "option --source names the block of an --entry, which is not given [usage]"),
    ],
)
def test_configuration_without_its_block_is_refused(
    arguments: tuple[str, ...], words: str, prefect: PrefectSide, tmp_path: Path
) -> None:
    refused = prefect.command("proofkeep", "configure", *arguments, "--config", str(tmp_path / "host.toml"))

    assert (refused.returncode, refused.stdout) == (2, "")
    assert words in refused.stderr
    assert list(tmp_path.iterdir()) == []
