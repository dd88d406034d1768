from collections import Counter
from typing import Any

import httpx
import pytest

from flows import cards
from flows.backup import backup
from proofkeep.backup import compress as compressing
from tests.flows.faults import STEPS
from tests.flows.house import House
from tests.flows.running import artifacts, client, message, outcomes, run_here, run_here_again, task_runs

STAGES = tuple(STEPS)


def test_backup_has_four_stages_two_task_runs_a_transfer_and_a_commit(house: House) -> None:
    house.fill(9)

    run = run_here(backup, house.parameters())

    assert run.state_name == "Completed", message(run)
    transfers = 3
    runs = task_runs(run, 1, len(STAGES) + 2 * transfers + 1)
    expected = {(stage, "Completed"): 1 for stage in (*STAGES, "commit")}
    assert outcomes(runs) == Counter(
        expected | {("upload", "Completed"): transfers, ("verify", "Completed"): transfers}
    )
    named = [task_run.name for task_run in runs if task_run.name.startswith("upload-")]
    assert sorted(named) == ["upload-0", "upload-1", "upload-2"]
    assert not [task_run.tags for task_run in runs if task_run.tags]


@pytest.mark.parametrize("step", ["upload", "verify", "commit"])
def test_task_runs_carry_a_tag_and_so_wait_for_its_slots_where_the_tag_has_a_limit(step: str, house: House) -> None:
    house.fill(2)
    tag = f"proofkeep-{step}"
    with client() as api:
        api.create_concurrency_limit(tag=tag, concurrency_limit=2)
    try:
        run = run_here(backup, house.parameters())
    finally:
        with client() as api:
            api.delete_concurrency_limit_by_tag(tag)

    assert run.state_name == "Completed", message(run)
    tagged = [task_run for task_run in task_runs(run, 1, len(STAGES) + 3) if task_run.tags]
    assert {(task_run.name.split("-")[0], *task_run.tags) for task_run in tagged} == {(step, tag)}


def test_backup_tells_its_card_and_fills_its_bar(house: House) -> None:
    house.fill(1)

    run = run_here(backup, house.parameters())

    told = artifacts(run.id)
    assert float(told["progress"]) == 100
    assert "**complete**" in told["markdown"]
    assert f"`{run.id.hex}.0001`" in told["markdown"]
    assert "p384:" in told["markdown"]


def test_card_names_what_of_the_repository_was_passed_over(house: House) -> None:
    house.fill(1)
    assert run_here(backup, house.parameters()).state_name == "Completed"
    (index,) = [path for path in (house.root / "store" / "index").rglob("*") if path.is_file()]
    index.write_bytes(index.read_bytes()[:-1] + b"?")
    (catalog,) = house.state.glob("*/catalog.sqlite")
    catalog.unlink()

    run = run_here(backup, house.parameters())

    assert run.state_name == "Completed", message(run)
    assert f"| `{index.relative_to(house.root / 'store')}` | ledger-mismatch |" in artifacts(run.id)["markdown"]


@pytest.mark.parametrize("stage", STAGES)
def test_fault_in_a_step_fails_exactly_that_task(stage: str, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fill(3)
    place, step = STEPS[stage]

    def fault(*_: Any, **__: Any) -> None:
        raise RuntimeError("planted fault")

    monkeypatch.setattr(place, step, fault)
    run = run_here(backup, house.parameters())

    assert run.state_name == "Failed"
    assert f"step {stage} met an unexpected RuntimeError" in message(run)
    ends = outcomes(task_runs(run, 1, len(STAGES)))
    assert {name for (name, state) in ends if state == "Failed"} == {stage}
    assert sum(ends.values()) == len(STAGES)


def test_retry_after_a_fault_commits_what_the_source_holds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fill(3)
    with monkeypatch.context() as patch:
        patch.setattr(compressing, "compress_slab", lambda *_: 1 / 0)
        run = run_here(backup, house.parameters())

    run = run_here_again(backup, run)

    assert run.state_name == "Completed", message(run)
    assert run.run_count == 2


@pytest.mark.parametrize("source,state", [("its own", "Completed"), ("nowhere", "Failed")])
def test_card_that_cannot_be_made_changes_no_outcome(
    source: str, state: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise httpx.ConnectError("server is away")

    house.fill(1)
    monkeypatch.setattr(cards, "create_markdown_artifact", away)

    run = run_here(backup, house.parameters() | ({} if source == "its own" else {"source": source}))

    assert run.state_name == state
    assert state == "Completed" or "UsageError: block proofkeep-source/nowhere" in message(run)
