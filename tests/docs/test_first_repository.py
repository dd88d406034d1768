import os
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT

PAGE = ROOT / "docs" / "platform-engineer" / "README.md"
MARK = "<!-- run: tests/docs/test_first_repository.py::test_commands_of_the_page_work -->\n```console\n(.*?)```"


def files_of_the_page(folder: Path) -> None:
    """Write the TOML files that the page shows, and something to back up."""
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        (folder / name).write_text(text.replace("HERE", str(folder)))
    documents = folder / "documents" / "deep"
    documents.mkdir(parents=True)
    (documents / "letter").write_bytes(b"dear reader\n" * 1000)
    (documents / "empty").touch()
    (folder / "documents" / "link").symlink_to("deep/letter")


def test_commands_of_the_page_work(tmp_path: Path) -> None:
    files_of_the_page(tmp_path)
    commands = "".join(re.findall(MARK, PAGE.read_text(), re.DOTALL))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert commands.count("proofkeep") >= 10
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "restored" / "deep" / "letter").read_bytes() == b"dear reader\n" * 1000
