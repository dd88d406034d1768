import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun

from blocks import KeyProvider
from flows.backup import backup
from flows.drill import restore_drill
from flows.spot_check import spot_check
from proofkeep.keys.key_files import create_key_file
from tests.architecture.tree import ROOT
from tests.flows.conftest import QUEUE, PrefectSide
from tests.flows.house import ENTRY, House, store_documents
from tests.flows.running import client, message, outcomes, run_here, run_here_again, task_runs
from tests.flows.test_elsewhere import befallen
from tests.flows.test_failure_cards import row
from tests.settling import let_settle

NAME = "CANARY-of-a-name-0815"
STEPS = ("draw", "restore_sample", "spot_check", "attack", "report")


@pytest.fixture(scope="module")
def stored(shared_house: House) -> House:
    """A tree with a canary for a name, backed up once."""
    house = shared_house
    house.fill(2)
    (house.source / NAME).write_bytes(b"content")
    let_settle(house.source)
    run = run_here(backup, house.parameters())
    assert run.state_name == "Completed"
    return house


def parameters(house: House, memory: Path, **others: Any) -> dict[str, Any]:
    given = {
        "repository": house.name,
        "keys": house.name,
        "live": [{"entry": ENTRY, "source": house.name}],
        "options": {"tmpfs": str(memory), "per_stratum": 2},
    }
    return given | others


def document(house: House, drill: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((house.state / "evidence" / drill / "drill.json").read_bytes())
    return read


def card(run: FlowRun) -> str:
    with client() as api:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        (found,) = [each for each in api.read_artifacts(artifact_filter=mine) if each.type == "markdown"]
    return str(found.data)


def ends(run: FlowRun, expected: int) -> dict[str, str]:
    return dict(outcomes(task_runs(run, run.run_count, expected)).keys())


def test_drill_passes_with_card_and_evidence(stored: House, memory: Path, prefect: PrefectSide) -> None:
    run = run_here(restore_drill, parameters(stored, memory, drill="2026-q4"))

    assert run.state is not None
    assert run.state_name == "Completed", run.state.message
    assert ends(run, len(STEPS)) == dict.fromkeys(STEPS, "Completed")
    evidence = stored.state / "evidence/2026-q4"
    written = document(stored, "2026-q4")
    assert written["result"] == "passed"
    assert written["scratch"]["kind"] == "tmpfs"
    assert written["environment"]["orchestrator"] == str(run.id)
    assert written["live_source"][0]["counts"]["equal"] == len(written["sample"]) == 3
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=evidence, check=False).returncode == 0
    told = card(run)
    assert told.startswith("# Restore drill 2026-q4: passed")
    assert f"`{evidence}/drill.json`" in told
    assert NAME not in told
    assert list(memory.iterdir()) == []
    (seed,) = prefect.told(run, "drill-seed")
    assert (seed["task"], seed["seed"]) == ("draw", written["seed"]["value"])
    assert seed["timestamp"] < min(event["timestamp"] for event in prefect.told(run, "data-key-unwrap"))


@contextmanager
def damaged(house: House) -> Iterator[None]:
    """One bit of each large pack is flipped for as long as this lasts."""
    packs = [path for path in (house.root / "store/packs").rglob("*") if path.is_file()]
    whole = {pack: data for pack in packs if len(data := pack.read_bytes()) > 1 << 19}
    assert whole
    for pack, data in whole.items():
        pack.chmod(0o600)
        pack.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    try:
        yield
    finally:
        for pack, data in whole.items():
            pack.write_bytes(data)


def test_damaged_repository_fails_the_run_and_retry_is_a_drill_of_its_own(stored: House, memory: Path) -> None:
    with damaged(stored):
        run = run_here(restore_drill, parameters(stored, memory, drill="damaged"))

    assert run.state_name == "Failed"
    assert "drill damaged" in str(run.state and run.state.message)
    assert document(stored, "damaged")["result"] == "failed"
    assert "# Restore drill damaged: failed" in card(run)
    assert list(memory.iterdir()) == []

    run = run_here_again(restore_drill, run)

    assert run.state_name == "Completed"
    assert document(stored, "damaged-2")["result"] == "passed"
    assert document(stored, "damaged")["result"] == "failed"


def test_step_that_fails_does_not_keep_the_evidence_from_being_written(stored: House, memory: Path) -> None:
    (stored.root / "no-directory").touch()
    options = {"tmpfs": None, "sealed": str(stored.root / "no-directory")}

    run = run_here(restore_drill, parameters(stored, memory, drill="no-scratch", options=options))

    assert run.state_name == "Failed"
    (failure,) = document(stored, "no-scratch")["steps_failed"]
    assert (failure["step"], failure["code"]) == ("restore_sample", "target")
    assert ends(run, len(STEPS)) == dict.fromkeys(STEPS, "Completed") | {"restore_sample": "Failed"}


def test_drill_that_ends_for_want_of_its_key_says_so_on_top_and_has_failed_all_the_same(
    stored: House, memory: Path
) -> None:
    create_key_file(stored.root / "other.pem", None)
    store_documents("other-key", KeyProvider(providers=[f"file:{stored.root / 'other.pem'}"]))

    run = run_here(restore_drill, parameters(stored, memory, drill="other-key", keys="other-key"))

    assert re.search(
        r" findings: data key .* is wrapped for none of .* \[key-missing\]\. Check the key URI", message(run)
    )
    text = card(run)
    assert row(text, "cause").startswith("**missing key** (`key-missing`")
    assert re.search(r"\*\*Then:\*\* press \*\*Retry\*\* .* the evidence of this one stays `failed`", text)
    assert "# Restore drill other-key: failed" in text
    assert document(stored, "other-key")["result"] == "failed"
    assert [each["code"] for each in document(stored, "other-key")["findings"]] == ["key-missing"]


def test_role_without_the_right_to_unwrap_fails_the_drill(stored: House, memory: Path) -> None:
    run = run_here(restore_drill, parameters(stored, memory, drill="denied", keys=None))

    assert run.state_name == "Failed"
    assert [each["code"] for each in document(stored, "denied")["steps_failed"]] == ["key-denied"]


def deploy_spot_check(house: House, name: str, queue: str) -> UUID:
    own = {"entry": ENTRY, "repository": house.name, "source": house.name}
    with client() as api:
        return api.create_deployment(
            api.create_flow(spot_check),
            name,
            parameters=own,
            work_pool_name="proofkeep",
            work_queue_name=queue,
            entrypoint="flows.spot_check.spot_check",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
            enforce_parameter_schema=False,
        )


@pytest.mark.usefixtures("worker")
def test_answers_come_from_another_host_by_its_own_run(stored: House, memory: Path) -> None:
    """The worker stands for the source's host: its process shares nothing with the drill but server and repository."""
    deploy_spot_check(stored, "elsewhere", QUEUE)
    live = [{"entry": ENTRY, "deployment": "spot_check/elsewhere"}]

    run = run_here(restore_drill, parameters(stored, memory, drill="remote", live=live))

    assert run.state_name == "Completed"
    (spot,) = document(stored, "remote")["live_source"]
    assert spot["counts"]["equal"] == 3
    assert spot["host"] == os.uname().nodename


def test_host_that_is_silent_is_asked_once_and_not_days_later(
    stored: House, memory: Path, deployed: PrefectSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed.directory.is_dir()
    monkeypatch.setattr("flows.drill.SPOT_CHECK_SECONDS", 1)
    deployment = deploy_spot_check(stored, "silent", "silent-control")
    live = [{"entry": ENTRY, "deployment": "spot_check/silent"}]

    run = run_here(restore_drill, parameters(stored, memory, drill="silent", live=live))

    assert run.state_name == "Failed"
    (failure,) = document(stored, "silent")["steps_failed"]
    assert (failure["step"], failure["code"]) == ("spot_check", "source-unavailable")
    assert failure["message"].endswith(", not completed in 1s, and was cancelled")
    with client() as api:
        (asked,) = api.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
    assert (asked.state_name, message(asked)) == ("Cancelled", "the drill that asked waits no longer")


@pytest.mark.usefixtures("deployed")
def test_spot_check_that_somebody_deleted_is_told_as_such(stored: House, memory: Path) -> None:
    deploy_spot_check(stored, "deleted", "silent-control")
    live = [{"entry": ENTRY, "deployment": "spot_check/deleted"}]

    with befallen("spot_check/deleted", lambda api, run: api.delete_flow_run(run)):
        run = run_here(restore_drill, parameters(stored, memory, drill="deleted", live=live))

    assert run.state_name == "Failed"
    (failure,) = document(stored, "deleted")["steps_failed"]
    assert (failure["step"], failure["code"]) == ("spot_check", "source-unavailable")
    assert failure["message"].endswith(" was deleted before it had ended")


@pytest.mark.usefixtures("deployed")
def test_source_of_which_nothing_was_drawn_is_asked_nothing(stored: House, memory: Path) -> None:
    deployment = deploy_spot_check(stored, "asked-nothing", "silent-control")
    live = [{"entry": "other", "deployment": "spot_check/asked-nothing"}, {"entry": "third", "source": stored.name}]

    run = run_here(restore_drill, parameters(stored, memory, drill="asked-nothing", live=live))

    assert run.state_name == "Completed", message(run)
    assert document(stored, "asked-nothing")["live_source"] == []
    with client() as api:
        asked = api.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
    assert asked == []


def test_deployment_that_does_not_exist_fails_the_drill(stored: House, memory: Path) -> None:
    live = [{"entry": ENTRY, "deployment": "spot_check/nowhere"}]

    run = run_here(restore_drill, parameters(stored, memory, drill="nowhere", live=live))

    assert run.state_name == "Failed"
    (failure,) = document(stored, "nowhere")["steps_failed"]
    assert (failure["step"], failure["code"]) == ("spot_check", "usage")
