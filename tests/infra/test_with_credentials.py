import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.with_credentials import CredentialError, secrets
from tests.architecture.tree import ROOT

SECRET = "user:correct horse"


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    (tmp_path / "api-auth").write_text(f"{SECRET}\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "lines").write_text("a\nb\n")
    return tmp_path


def test_command_finds_the_secret_in_its_environment_and_nobody_prints_it(credentials: Path) -> None:
    asks = "import os; print(os.environ['AUTH'] == 'user:correct horse')"
    command = [sys.executable, "-m", "infra.with_credentials", "AUTH=api-auth", "--", sys.executable, "-c", asks]

    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "True\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    "wanted,said",
    [
        ("AUTH=absent", "credential absent cannot be read"),
        ("AUTH=empty", "credential empty is not one line"),
        ("AUTH=lines", "credential lines is not one line"),
        ("AUTH=../api-auth", "is not VARIABLE=CREDENTIAL"),
        ("AUTH", "is not VARIABLE=CREDENTIAL"),
    ],
)
def test_what_is_no_credential_is_refused_by_its_name(wanted: str, said: str, credentials: Path) -> None:
    with pytest.raises(CredentialError, match=said):
        secrets([wanted], str(credentials))


def test_without_systemd_or_its_like_nothing_is_started() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.with_credentials", "AUTH=api-auth", "--", "true"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "CREDENTIALS_DIRECTORY is not set" in done.stderr
