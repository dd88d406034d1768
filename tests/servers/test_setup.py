"""The set-up scripts on a machine that lacks something: stand-ins for its commands lie before the real ones."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

PACKAGES = ROOT / "requirements" / "apt-test.txt"
NOBODY_ID = "#!/bin/sh\necho 1000\n"
ROOT_ID = "#!/bin/sh\necho 0\n"
NOTHING_INSTALLED = "#!/bin/sh\nexit 1\n"
WITHOUT_ENSUREPIP = """#!/bin/sh
case "$*" in
    *ensurepip*) exit 1 ;;
    *version_info\\[:2\\]*) echo 3.11 ;;
    *sys.executable*) echo "$0" ;;
    *SystemExit*) exit 0 ;;
    *) echo "python was asked for $*" >&2; exit 99 ;;
esac
"""
TOO_OLD = "#!/bin/sh\nexit 1\n"
APT = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/apt.log"
exit 1
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts need of this tree, without a .venv."""
    tree = tmp_path / "checkout"
    for name in ("infra", "requirements"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    (tree / "commands").mkdir()
    return tree


def run(checkout: Path, script: str, commands: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script where these commands are something else."""
    for name, text in commands.items():
        (checkout / "commands" / name).write_text(text)
        (checkout / "commands" / name).chmod(0o755)
    path = f"{checkout / 'commands'}:/usr/bin:/bin"
    return subprocess.run(
        [checkout / "infra" / script.partition(" ")[0], *script.split()[1:]],
        env={"PATH": path, "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_missing_venv_package_is_named_with_the_command_to_run(checkout: Path) -> None:
    commands = {"python3.11": WITHOUT_ENSUREPIP, "apt-get": APT, "id": NOBODY_ID}

    done = run(checkout, "setup.sh demo", commands)

    assert done.returncode == 1
    assert done.stderr == (
        "set-up: python3.11-venv is missing; run as root: apt-get update && apt-get install -y python3.11-venv\n"
    )
    assert not (checkout / ".venv").exists()
    assert not (checkout / "commands" / "apt.log").exists()


def test_root_installs_the_missing_venv_package_or_shows_why_not(checkout: Path) -> None:
    commands = {"python3.11": WITHOUT_ENSUREPIP, "apt-get": APT, "id": ROOT_ID, "dpkg-query": NOTHING_INSTALLED}

    done = run(checkout, "setup.sh demo", commands)

    assert done.returncode == 1
    assert done.stderr.startswith("set-up: installing python3.11-venv\n")
    asked = (checkout / "commands" / "apt.log").read_text()
    assert "install --yes --quiet --no-install-recommends python3.11-venv" in asked
    assert "update" in asked


def test_missing_python_is_said(checkout: Path) -> None:
    versions = ("3.11", "3.12", "3.13", "3.14", "3")

    done = run(checkout, "setup.sh demo", {f"python{version}": TOO_OLD for version in versions})

    assert done.returncode == 1
    assert "Python 3.11 or newer was not found" in done.stderr


@pytest.mark.parametrize("environment, code", [({}, 0), ({"CI": "true"}, 1)])
def test_missing_test_packages_are_named_with_what_cannot_run(
    checkout: Path, environment: dict[str, str], code: int
) -> None:
    commands = {"id": NOBODY_ID, "dpkg-query": NOTHING_INSTALLED}

    done = run(checkout, "test_packages.sh", commands, **environment)

    assert done.returncode == code
    assert "cannot run without openssl TLS servers that offer too little (tests/engine)\n" in done.stderr
    listed = [line.split()[0] for line in PACKAGES.read_text().splitlines() if not line.startswith("#")]
    assert "openssl" in listed
    assert done.stderr.endswith(f"run as root: apt-get update && apt-get install -y {' '.join(listed)}\n")


def test_every_folder_named_by_a_test_package_exists() -> None:
    named = {
        word.strip("(),")
        for line in (ROOT / "requirements" / "apt-test.txt").read_text().splitlines()
        for word in line.split()
        if "tests/" in word and not line.startswith("#")
    }

    assert named
    assert [folder for folder in named if not (ROOT / folder).is_dir()] == []
