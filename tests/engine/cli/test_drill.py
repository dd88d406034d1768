"""The restore drill from the command line."""

import json
import shutil
from pathlib import Path

from tests.engine.cli.places import Place
from tests.engine.cli.test_exit_codes import damage_largest_pack
from tests.settling import let_settle


def test_drill_passes_and_leaves_evidence(repository: Place) -> None:
    let_settle(repository.source)
    repository.done("backup")

    drilled = repository.done("drill", "--id", "first", "--surprise")

    evidence = json.loads(Path(drilled["evidence"], "drill.json").read_bytes())
    assert (drilled["passed"], drilled["verdict"]) == (True, "passed")
    assert drilled["files"] == drilled["compared_live"] > 0
    assert drilled["refusals"] > 0
    assert drilled["scratch"] in {"tmpfs", "sealed"}
    assert (evidence["id"], evidence["type"], evidence["result"]) == ("first", "surprise", "passed")
    assert drilled["evidence"] == str(repository.root / "state/evidence/first")


def test_5_when_a_drill_did_not_prove_it(repository: Place) -> None:
    repository.configure(drill='evidence = "evidence"\nper_stratum = 100')
    repository.done("backup")
    damage_largest_pack(repository.root / "store")

    ended = repository.run("drill", "--json", "--id", "second")

    assert ended.code == 5
    assert ended.document["error"]["code"] == "drill-failed"
    assert ended.document["result"]["passed"] is False
    assert ended.document["result"]["findings"]
    assert (repository.root / "evidence/second/drill.json").exists()


def test_5_with_the_code_of_what_kept_a_drill_from_its_end(repository: Place) -> None:
    repository.done("backup")
    other = repository.root / "other.pem"
    repository.done("keygen", "key", other, "--passphrase", "env:PROOFKEEP_PASSPHRASE")
    repository.configure(keys=f'providers = ["file:{other}"]\npassphrase = "env:PROOFKEEP_PASSPHRASE"')

    ended = repository.run("drill", "--json", "--id", "other-key")
    seen = repository.run("status")

    assert ended.code == 5
    assert ended.document["error"]["code"] == "key-missing"
    assert ended.document["result"]["passed"] is False
    assert "wrapped for none of this role's keys" in ended.document["error"]["message"]
    assert "open: drill other-key [key-missing] " in seen.out
    evidence = json.loads((repository.root / "state/evidence/other-key/drill.json").read_bytes())
    assert (evidence["result"], [each["code"] for each in evidence["findings"]]) == ("failed", ["key-missing"])


def test_drill_of_folders_alone_says_that_there_was_nothing_to_restore(repository: Place) -> None:
    shutil.rmtree(repository.source)
    (repository.source / "folder").mkdir(parents=True)
    repository.done("backup")

    drilled = repository.done("drill", "--no-live")

    assert (drilled["passed"], drilled["verdict"]) == (True, "nothing to restore")
    assert "ago: nothing to restore" in repository.run("status").out


def test_evidence_is_never_written_twice(backed_up: Place) -> None:
    evidence = Path(backed_up.done("drill", "--id", "third", "--no-live")["evidence"], "drill.json")
    before = evidence.read_bytes()

    ended = backed_up.run("drill", "--json", "--id", "third")

    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")
    assert evidence.read_bytes() == before
