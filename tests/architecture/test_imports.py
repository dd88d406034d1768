import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

PACKAGES = ("proofkeep", "flows", "tasks", "blocks", "infra")

VIOLATIONS = {
    "engine imports the orchestrator": ("proofkeep/model.py", "import prefect"),
    "engine imports a task": ("proofkeep/model.py", "import tasks"),
    "task imports a flow": ("tasks/__init__.py", "import flows"),
    "task imports a block": ("tasks/__init__.py", "import blocks"),
    "block imports a task": ("blocks/__init__.py", "import tasks"),
    "task imports infrastructure": ("tasks/__init__.py", "import infra"),
    "verb imports a verb": ("proofkeep/restore.py", "import proofkeep.verify"),
    "verb imports an adapter": ("proofkeep/verify.py", "import proofkeep.stores"),
    "adapter imports a verb": ("proofkeep/stores/__init__.py", "import proofkeep.verify"),
    "adapter imports the repository": ("proofkeep/stores/__init__.py", "import proofkeep.repository"),
    "adapter imports another adapter": ("proofkeep/stores/__init__.py", "import proofkeep.keys"),
    "model imports a port": ("proofkeep/model.py", "import proofkeep.ports"),
    "repository imports a verb": ("proofkeep/repository.py", "import proofkeep.verify"),
    "engine imports a cloud SDK outside its adapter": ("proofkeep/repository.py", "import boto3"),
    "block imports a cloud SDK": ("blocks/__init__.py", "from botocore.config import Config"),
    "engine module without a place in the layers": ("proofkeep/utils.py", ""),
}

SMALL_ENGINE = ("restore", "verify", "repository", "ports", "model", "errors", "stores", "keys")


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sysconfig.get_path("scripts")) / "lint-imports"
    return subprocess.run(
        [command, "--no-cache"],
        cwd=directory,
        env={"PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def small_house(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in [*PACKAGES, *(f"proofkeep/{module}" for module in ("stores", "keys"))]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for module in SMALL_ENGINE:
        if not (tmp_path / "proofkeep" / module).is_dir():
            (tmp_path / "proofkeep" / f"{module}.py").touch()
    return tmp_path


def test_every_import_contract_is_kept() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


def test_contracts_pass_a_house_without_violations(small_house: Path) -> None:
    adapter = small_house / "proofkeep/stores/s3.py"
    adapter.write_text("import boto3\nimport proofkeep.ports\n")

    result = lint_imports(small_house)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_contracts_catch(small_house: Path, violation: str) -> None:
    path, line = VIOLATIONS[violation]
    (small_house / path).write_text(line + "\n")

    result = lint_imports(small_house)

    assert result.returncode == 1
    assert "BROKEN" in result.stdout
