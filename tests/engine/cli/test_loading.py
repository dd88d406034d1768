"""What a command loads before it begins: a restore of one file waits for little else."""

import subprocess
import sys

import pytest


def loaded_by(module: str) -> set[str]:
    program = f"import sys, proofkeep.cli.entry, {module}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize("command", ["restore", "ls", "verify", "snapshots"])
def test_command_that_reads_loads_nothing_of_the_backup_and_no_sdk(command: str) -> None:
    loaded = loaded_by(f"proofkeep.cli.{command}")

    assert f"proofkeep.cli.{command}" in loaded
    assert [name for name in loaded if name.split(".")[:2] == ["proofkeep", "backup"]] == []
    assert loaded & {"botocore", "boto3", "structlog", "prefect", "asyncio"} == set()


def test_restore_loads_little_before_a_passphrase_is_worked_on() -> None:
    loaded = loaded_by("proofkeep.cli.restore, proofkeep.keys.pkcs8")

    late = {"proofkeep.catalog", "proofkeep.restore", "proofkeep.snapshots", "proofkeep.sources", "proofkeep.history"}
    foreign = {"cryptography.x509", "http.client", "multiprocessing", "pyfastcdc", "pyzstd", "sqlite3"}
    assert loaded & (late | foreign) == set()
