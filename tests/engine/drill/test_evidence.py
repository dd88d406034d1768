"""Holds docs/auditor/drill-evidence.md against the evidence of a drill, and does what it tells an auditor to do."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proofkeep.drill import Plan, render_markdown
from proofkeep.errors import MalformedError, ObjectMissingError
from tests.architecture.tree import ROOT
from tests.engine.drill.house import House

DOCUMENT = ROOT / "docs/auditor/drill-evidence.md"


@pytest.fixture
def folder(stored: House) -> Path:
    stored.backup()
    return Path(stored.drill(Plan("2026-q4", per_stratum=3)).evidence)


def evidence(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "drill.json").read_bytes())
    return read


def fenced(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(found)


def draw_again(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-W", "ignore", "-c", fenced("python")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_commands_of_the_document_work(folder: Path) -> None:
    commands = [line.removeprefix("$ ") for line in fenced("console").splitlines()]
    assert len(commands) == 3

    said = [subprocess.run(line.split(), cwd=folder, capture_output=True, check=True).stdout for line in commands]

    assert said[0].decode().splitlines() == [
        f"{name}: OK" for name in ("drill.json", "drill.md", "population.csv", "seed.txt")
    ]
    assert said[1].decode().split()[0] == evidence(folder)["seed"]["value"]
    assert json.loads(said[2]) == evidence(folder)


def test_program_of_the_document_draws_the_same(folder: Path) -> None:
    drawn = draw_again(folder)

    assert (drawn.returncode, drawn.stdout, drawn.stderr) == (0, "", "")


def test_program_of_the_document_notices_another_draw(folder: Path) -> None:
    changed = evidence(folder)
    left_out = changed["sample"].pop()
    (folder / "drill.json").write_text(json.dumps(changed))

    assert left_out["file"] in draw_again(folder).stdout


def test_document_lists_every_member(folder: Path) -> None:
    table = DOCUMENT.read_text().partition("## Members of drill.json")[2].partition("\n\n**")[0]
    listed = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall("`([a-z_]+)`", line.split("|")[1])
    }

    assert listed == set(evidence(folder))


def test_altered_evidence_is_noticed(folder: Path) -> None:
    (folder / "drill.md").write_text("# Restore drill 2026-q4: passed\n")

    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 1
    assert "drill.md: FAILED" in checked.stdout


def test_rendering_comes_from_the_document_alone(folder: Path) -> None:
    assert render_markdown(evidence(folder)) == (folder / "drill.md").read_text()


def test_hostile_words_stay_in_their_cell(folder: Path) -> None:
    document = evidence(folder)
    document["environment"]["host"] = "host | **passed** |\n# <b>passed"

    rendered = render_markdown(document)

    assert "host \\| **passed** \\| # &lt;b>passed as" in rendered


def test_evidence_that_is_not_there_or_no_evidence_is_said(stored: House) -> None:
    with pytest.raises(ObjectMissingError, match="2026-q4"):
        stored.evidence("2026-q4")

    (stored.root / "evidence/2026-q4").mkdir(parents=True)
    (stored.root / "evidence/2026-q4/drill.json").write_text("{ }")

    with pytest.raises(MalformedError, match="2026-q4"):
        stored.evidence("2026-q4")
