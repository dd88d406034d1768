"""The restore drill from the command line."""

import json
from pathlib import Path

from tests.engine.cli.places import Place
from tests.engine.cli.test_exit_codes import damage_largest_pack
from tests.settling import let_settle


def test_drill_passes_and_leaves_evidence(repository: Place) -> None:
    let_settle(repository.source)
    repository.done("backup")

    drilled = repository.done("drill", "--id", "first", "--surprise")

    evidence = json.loads(Path(drilled["evidence"], "drill.json").read_bytes())
    assert drilled["passed"] is True
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


def test_evidence_is_never_written_twice(backed_up: Place) -> None:
    evidence = Path(backed_up.done("drill", "--id", "third", "--no-live")["evidence"], "drill.json")
    before = evidence.read_bytes()

    ended = backed_up.run("drill", "--json", "--id", "third")

    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")
    assert evidence.read_bytes() == before
