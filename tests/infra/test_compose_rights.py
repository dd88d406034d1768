"""Who the containers' processes are, and that each may read the secrets and sources that it has to. No engine here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.units import Unit
from tests.architecture.tree import ROOT
from tests.infra.test_compose import FILE, OURS, document

CONTAINERFILE = (FILE.parent / "Containerfile").read_text()
ROOTS = {"database", "proxy"}
"""Services whose images start as root and give it up themselves."""


def image_user() -> int:
    """Number of the user that the image's processes are."""
    (name,) = re.findall(r"^USER (\w+)$", CONTAINERFILE, re.MULTILINE)
    (number,) = re.findall(rf"useradd --uid (\d+) .* {name} ", CONTAINERFILE)
    return int(number)


def told(command: str) -> dict[str, str]:
    """What `compose.yaml` says that owner or mode of each file beside it must be."""
    lines = [line for line in FILE.read_text().splitlines() if line.startswith("#   ")]
    found = [part.split() for line in lines for part in line.removeprefix("#   ").split(" && ")]
    return {file: words[1] for words in found if words[0] == command for file in words[2:]}


def test_files_of_secrets_belong_to_whom_reads_them_and_to_nobody_else() -> None:
    """Compose mounts the file of a secret as it is: owner and mode are the host's."""
    composed = document()
    owners, modes = told("chown"), told("chmod")
    for name, service in composed["services"].items():
        for secret in service.get("secrets", []):
            file = composed["secrets"][secret]["file"].removeprefix("./")
            reader = 0 if name in ROOTS else image_user()
            assert owners[file] == f"{reader}:{reader}", (name, file)
            assert modes[file] == "0600", file
    assert (owners["tls/server.key"], modes["tls/server.key"], modes["tls/*.pem"]) == ("0:0", "0600", "0644")


def test_image_says_the_numbers_of_its_user_and_group() -> None:
    assert f"groupadd --gid {image_user()} proofkeep" in CONTAINERFILE
    assert f"useradd --uid {image_user()} --gid proofkeep" in CONTAINERFILE


@pytest.mark.parametrize("name", OURS)
def test_rights_are_dropped_but_what_the_worker_needs_to_become_the_images_user(name: str) -> None:
    service = document()["services"][name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert (service.get("user"), "entrypoint" in service) == (("root", True) if name == "worker" else (None, False))
    assert set(service.get("cap_add", [])) == (
        {"DAC_READ_SEARCH", "SETGID", "SETPCAP", "SETUID"} if name == "worker" else set()
    )


@pytest.mark.requires("setpriv", root=True)
def test_worker_reads_its_secret_and_every_source_as_the_images_user_with_the_right_of_the_unit_alone(
    tmp_path: Path,
) -> None:
    """The entrypoint itself, started with what the engine leaves root in this container."""
    worker, user = document()["services"]["worker"], image_user()
    kept = ",".join(f"+{name.lower()}" for name in worker["cap_add"])
    container = ["setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set=-all,{kept}"]
    entrypoint = [word.replace("=proofkeep", f"={user}") for word in worker["entrypoint"]]  # no such name here
    for file, owner in ((tmp_path / "api-auth", user), (tmp_path / "source", 0)):
        file.write_text(file.name)
        file.chmod(0o600)
        os.chown(file, owner, owner)
    command = [sys.executable, "-m", "infra.with_credentials", "TOLD=api-auth", "--", "sh", "-c"]
    shown = "grep -E '^(Uid|Cap)' /proc/self/status"
    script = f"echo $TOLD; cat {tmp_path}/source; echo; {shown}; ! echo x >>{tmp_path}/source"

    done = subprocess.run(
        [*container, *entrypoint, *command, script],
        env={"CREDENTIALS_DIRECTORY": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    secret, source, *status = done.stdout.splitlines()
    assert (secret, source) == ("api-auth", "source")
    assert status[0].split() == ["Uid:", *[str(user)] * 4]
    assert [int(line.split()[1], 16) for line in status[1:]] == [1 << 2] * 5, "CAP_DAC_READ_SEARCH"
    assert (tmp_path / "source").read_text() == "source"
    assert Unit.read("proofkeep-worker.service").settings["Service.AmbientCapabilities"] == ["CAP_DAC_READ_SEARCH"]


def test_no_secret_and_nothing_else_that_git_ignores_goes_into_the_image() -> None:
    """A checkout's own `.venv` would pass for the image's: `infra/setup.sh` finds its stamp and installs nothing."""
    left_out = (FILE.parent / "Containerfile.dockerignore").read_text().splitlines()
    ignored = [line for line in (ROOT / ".gitignore").read_text().splitlines() if "infra/compose" not in line]

    assert "infra/compose" in left_out
    assert {line.strip("/") for line in ignored} <= {line.removeprefix("**/") for line in left_out}


def test_git_takes_no_secret() -> None:
    files = [secret["file"] for secret in document()["secrets"].values()] + ["./tls/server.key"]
    ignored = (ROOT / ".gitignore").read_text().splitlines()

    for file in files:
        path = f"/infra/compose/{file.removeprefix('./')}"
        assert path in ignored or f"{path.rpartition('/')[0]}/" in ignored, file
