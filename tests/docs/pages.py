"""A page of the docs as a reader follows it: its files written down, its commands typed."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.servers.process import clean_environment
from tests.architecture.tree import ROOT

DOCS = ROOT / "docs"
FIRST_REPOSITORY = DOCS / "platform-engineer" / "README.md"
FLOWS = DOCS / "platform-engineer" / "flows.md"
FOLDER = "proofkeep-tried"


def write_files(page: Path, folder: Path) -> None:
    """Save each TOML file that the page shows under the name in its first line."""
    folder.mkdir(exist_ok=True)
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", page.read_text(), re.DOTALL):
        (folder / name).write_text(text)


def blocks_run_by(page: Path, test: str) -> list[str]:
    """The command blocks that this test runs, in their order."""
    mark = re.escape(f"<!-- run: {test} -->\n```console\n")
    return re.findall(f"{mark}(.*?)```", page.read_text(), re.DOTALL)


def make_home(home: Path) -> Path:
    """A home directory with this checkout in it, and the first repository's files; the folder of those."""
    (home / "proofkeep").symlink_to(ROOT)
    write_files(FIRST_REPOSITORY, home / FOLDER)
    return home / FOLDER


def type_in(commands: str, home: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run commands in one shell that stops at the first failure; what they printed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=home,
        env=clean_environment({"HOME": str(home), "PYTHON": sys.executable, **(environment or {})}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
