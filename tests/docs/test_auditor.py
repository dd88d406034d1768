"""What docs/auditor/README.md says can be checked with sha256sum and a JSON tool, checked with these alone."""

import json
import subprocess
from pathlib import Path

from tests.building import Ground, Host, plant_some


def sha256sum(file: Path) -> str:
    return subprocess.run(["sha256sum", file], check=True, capture_output=True, text=True).stdout.split()[0]


def chain(ground: Ground) -> list[tuple[Path, dict[str, object]]]:
    (writer,) = (ground.root / "ledger" / "ledger").iterdir()
    return [(file, json.loads(file.read_bytes())) for file in sorted(writer.iterdir())]


def test_every_stored_object_has_the_sha256_its_ledger_entry_says(tmp_path: Path) -> None:
    host = Host(Ground(tmp_path))
    plant_some(host.source)
    host.run()

    named = {item["name"]: item for _, entry in chain(host.ground) for item in entry["objects"]}  # type: ignore[attr-defined]

    stored = [name for name in host.ground.names() if not name.startswith(("repository", "epochs/", "secrets/"))]
    assert sorted(named) == sorted(stored)
    assert all(sha256sum(tmp_path / "store" / name) == item["sha256"] for name, item in named.items())


def test_every_ledger_entry_holds_the_sha256_of_the_one_before(tmp_path: Path) -> None:
    host = Host(Ground(tmp_path))
    plant_some(host.source)
    receipts = [host.run(), host.run()]

    entries = chain(host.ground)

    assert [entry["previous"] for _, entry in entries] == ["0" * 64, *(sha256sum(file) for file, _ in entries[:-1])]
    assert receipts[-1].head == f"{receipts[-1].writer}:{len(entries) - 1}:{sha256sum(entries[-1][0])}"
