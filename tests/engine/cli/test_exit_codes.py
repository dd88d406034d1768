"""Each exit code of docs/exit-codes.md, met for its own reason."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.cli.exits import Exit
from proofkeep.sources.walk import MAX_ENTERED
from tests.architecture.tree import ROOT
from tests.engine.cli.places import Place, unprivileged
from tests.engine.sources.trees import plant_deep
from tests.engine.targets.trees import portrait


def damage_largest_pack(store: Path) -> None:
    """Behind its first frame, of 2 MiB at most, in which small files lie beside the beginning of the large one."""
    pack = max((path for path in store.glob("packs/*/*/*")), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[len(content) * 3 // 4] ^= 1
    pack.unlink()
    pack.write_bytes(content)


def test_0_when_all_is_done(repository: Place) -> None:
    assert repository.run("backup").code == 0


def test_1_when_it_cannot_be_done(repository: Place) -> None:
    repository.configure(source='root = "nowhere"')

    ended = repository.run("backup")

    assert ended.code == 1
    assert "proofkeep: source nowhere cannot be opened: no such file or directory [source-unavailable]" in (
        ended.err.replace(f"{repository.root}/", "")
    )


def test_2_when_it_is_not_allowed_or_not_there(repository: Place) -> None:
    ended = repository.run("restore", "0" * 32, "restored")

    assert ended.code == 2
    assert "[snapshot-missing]\nhint: " in ended.err


@pytest.mark.requires("setpriv")
def test_3_when_a_file_could_not_be_read_and_the_snapshot_exists(repository: Place) -> None:
    (repository.source / "folder/small").chmod(0)

    ended = repository.run("backup", "--json", under=unprivileged())
    shown = repository.run("snapshots")
    (repository.source / "folder/small").chmod(0o644)
    again = repository.run("backup", "--json", "--resume", ended.document["result"]["run"])

    assert ended.code == 3
    assert ended.document["error"]["code"] == "partial-snapshot"
    assert ended.document["result"]["complete"] is False
    assert {finding["path"] for finding in ended.document["result"]["unread"]} == {"folder/small", "twin"}
    assert "incomplete: 2 unread" in shown.out
    assert again.code == 0
    assert again.document["result"]["complete"] is True
    assert again.document["result"]["snapshot"].endswith(".0002")


@pytest.mark.requires("setpriv")
def test_3_names_the_unread_file_to_a_person(repository: Place) -> None:
    strange = repository.source / os.fsdecode(b"line\nfeed \x1b[31m \xff")
    strange.chmod(0)

    ended = repository.run("backup", under=unprivileged())

    assert ended.code == 3
    assert "unread  source-unavailable  line\\x0afeed \\x1b[31m \\xff" in ended.out


@pytest.fixture
def deep(repository: Place) -> Iterator[Place]:
    plant_deep(repository.source, "d" * 200, 400)
    yield repository
    subprocess.run(["rm", "-rf", repository.source, repository.root / "restored"], check=True)


def test_3_names_the_directory_that_lies_too_deep_to_be_entered(deep: Place) -> None:
    ended = deep.run("backup")
    listed = deep.run("ls", "latest", "--json").document["rows"]
    restored = deep.run("restore", "latest", "restored", "--json").document["result"]

    (unread,) = [row for row in listed if row["unread"]]
    assert ended.code == 3
    assert set(unread["path"].split("/")) == {"d" * 200}
    assert len(unread["path"]) > MAX_ENTERED >= len(unread["path"]) - 201
    assert f"unread  source-unavailable  {unread['path']}\n" in ended.out
    assert [finding["path"] for finding in restored["findings"]] == [unread["path"]]
    assert portrait(deep.root / "restored") == portrait(deep.source)


def test_4_when_a_pack_is_damaged(backed_up: Place) -> None:
    damage_largest_pack(backed_up.root / "store")

    verified = backed_up.run("verify", "--read-all", "--files", "--json")
    restored = backed_up.run("restore", "latest", "restored", "--json")

    assert verified.code == 4
    assert verified.document["error"]["code"] == "damaged"
    assert verified.document["result"]["verdict"] == "damaged"
    assert "large" in {each["path"] for each in verified.document["rows"]}
    assert restored.code == 4
    lost = {finding["path"] for finding in restored.document["result"]["findings"]}
    assert "large" in lost
    assert lost.isdisjoint({"folder/small", "twin"})
    assert not (backed_up.root / "restored/large").exists()
    assert (backed_up.root / "restored/folder/small").read_bytes() == b"small"


def test_4_when_a_record_is_damaged(backed_up: Place) -> None:
    record = next((backed_up.root / "store/snapshots").glob("*/*/*"))
    content = bytearray(record.read_bytes())
    content[200] ^= 1
    record.unlink()
    record.write_bytes(content)
    sound = backed_up.done("backup")

    ended = backed_up.run("snapshots", "--json")

    assert ended.code == 4
    assert [row["snapshot"] for row in ended.document["rows"]] == [sound["snapshot"]]
    assert [finding["code"] for finding in ended.document["result"]["findings"]] == ["authentication"]


def test_6_when_freshness_is_not_provable(repository: Place) -> None:
    head = repository.done("backup")["head"]
    repository.configure(top=repository.sections[""].replace('"state"', '"auditor"'))

    without = repository.run("verify", "--json")
    repository.configure(top=repository.sections[""].replace('"auditor"', '"second auditor"'))
    with_head = repository.run("verify", "--json", "--expect-head", head)

    assert without.code == 6
    assert without.document["error"] is None
    assert without.document["result"]["verdict"] == "intact, freshness not provable"
    assert with_head.code == 0


def test_4_when_the_ledger_was_rolled_back(repository: Place) -> None:
    head = repository.done("backup")["head"]
    newest = max((repository.root / "ledger/ledger").glob("*/*"))
    newest.unlink()

    remembered = repository.run("verify", "--json")
    expected = repository.run("verify", "--json", "--expect-head", head)

    assert (remembered.code, expected.code) == (4, 4)
    assert "rollback" in {finding["code"] for finding in remembered.document["result"]["findings"]}


def test_4_when_restore_finds_the_ledger_rolled_back_and_everything_is_restored_all_the_same(backed_up: Place) -> None:
    max((backed_up.root / "ledger/ledger").glob("*/*")).unlink()

    restored = backed_up.run("restore", "latest", "restored", "--json")
    listed = backed_up.run("ls", "latest", "--json")

    assert (restored.code, listed.code) == (4, 4)
    assert {finding["code"] for finding in restored.document["result"]["findings"]} == {"rollback"}
    assert {finding["code"] for finding in listed.document["result"]["findings"]} == {"rollback"}
    assert (backed_up.root / "restored/folder/small").read_bytes() == b"small"
    assert "folder/small" in {row["path"] for row in listed.document["rows"]}


def test_0_when_what_a_backup_passed_over_is_not_its_own(repository: Place) -> None:
    (repository.root / "store/retired").mkdir()
    (repository.root / "store/retired/astray").write_bytes(b"{}")

    ended = repository.run("backup", "--json")
    shown = repository.run("backup")

    assert (ended.code, shown.code) == (0, 0)
    assert [found["subject"] for found in ended.document["result"]["findings"]] == ["retired/astray"]
    assert "finding  malformed  retired/astray" in shown.out


def test_documented_codes_are_those_in_use() -> None:
    text = (ROOT / "docs/exit-codes.md").read_text()

    documented = dict(re.findall(r"^\| (\d) \| ([a-z ]+) \|", text, re.MULTILINE))

    assert documented == {str(code.value): code.name.lower().replace("_", " ") for code in Exit}
