"""One run's trouble keeps no other run of a host from being handled, nor its worker from starting, and is told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Running

from flows import crashes
from flows.drill import restore_drill
from flows.limits import LEASE
from flows.reconcile import reconcile
from proofkeep.cli.exits import Exit
from proofkeep.errors import ProofkeepError, UnexpectedError
from tests.flows.conftest import PrefectSide
from tests.flows.running import artifacts, client, message
from tests.flows.test_crashes import crash
from tests.flows.test_reconcile import NO_TIME, ended_process, now, reconcile_command, run_of

CARD = "tell_outside"


@pytest.fixture
def no_card_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[UUID], None]]:
    """Let the making of one run's card raise what no error of ours is; it is made when the test has ended."""
    make: Any = getattr(crashes, CARD)

    def plant(run_id: UUID) -> None:
        def fault(api: SyncPrefectClient, run: FlowRun, error: ProofkeepError, then: str | None) -> ProofkeepError:
            if run.id == run_id:
                raise KeyError("a name that nobody may see")
            told: ProofkeepError = make(api, run, error, then)
            return told

        monkeypatch.setattr(crashes, CARD, fault)

    yield plant
    monkeypatch.undo()
    reconcile(settled=NO_TIME)


@pytest.mark.usefixtures("prefect")
def test_dead_run_whose_card_cannot_be_made_is_crashed_and_so_is_every_other(
    no_card_for: Callable[[UUID], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [run_of(ended_process()) for _ in range(3)]
    no_card_for(runs[1])

    done = reconcile()
    monkeypatch.undo()
    again = reconcile(settled=NO_TIME)

    assert {run.id for run in done.crashed} == {runs[0], runs[2]}
    assert [(each.id, each.error.code) for each in done.troubles] == [(runs[1], UnexpectedError.code)]
    assert "KeyError in tests.flows.test_reconcile_troubles, line " in str(done.troubles[0].error)
    assert [now(run_id).state_name for run_id in runs] == ["Crashed"] * 3
    assert " is gone [process-gone]. " in message(now(runs[1]))
    assert {run.id for run in again.told} & set(runs) == {runs[1]}
    assert again.troubles == []
    assert "process-gone" in artifacts(runs[1])["markdown"]


@pytest.mark.usefixtures("prefect")
def test_crashed_run_that_gets_no_card_keeps_no_other_from_getting_its_own(
    no_card_for: Callable[[UUID], None],
) -> None:
    runs = [crash(run_of(ended_process())) for _ in range(3)]
    no_card_for(runs[1])

    done = reconcile(settled=NO_TIME)

    assert {run.id for run in done.told} >= {runs[0], runs[2]}
    assert [each.id for each in done.troubles] == [runs[1]]


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize("labels", [{"proofkeep.pid": "no number"}, {"proofkeep.attempt": 7}])
def test_run_whose_labels_say_nonsense_keeps_no_other_from_being_handled(labels: dict[str, Any]) -> None:
    odd, dead = run_of(ended_process()), run_of(ended_process())
    with client() as api:
        api.update_flow_run_labels(odd, labels)
        api.update_flow_run_labels(dead, {LEASE: "no lease"})

    done = reconcile()
    left = now(odd)

    with client() as api:
        api.delete_flow_run(odd)
    assert dead in {run.id for run in done.crashed}
    assert (left.state_name, done.troubles) == ("Running", [])


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize("options", ["text", {"tmpfs": 7}, {"tmpfs": ["a"]}, None])
def test_dead_drill_whose_options_fit_no_form_is_crashed_without_trouble(options: Any) -> None:
    with client() as api:
        run = api.create_flow_run(restore_drill, parameters={"options": options, "entries": 5}, state=Running())
        api.update_flow_run_labels(run.id, ended_process().labels())

    done = reconcile()

    assert [each.id for each in done.crashed] == [run.id]
    assert done.troubles == []
    assert "process-gone" in artifacts(run.id)["markdown"]


def test_command_tells_the_trouble_and_asks_for_somebody(
    no_card_for: Callable[[UUID], None], prefect: PrefectSide
) -> None:
    run_id = run_of(ended_process())
    no_card_for(run_id)

    code, told = reconcile_command()

    assert code is Exit.ATTENTION
    (trouble,) = told["result"]["troubles"]
    assert (trouble["flow_run"], trouble["code"]) == (str(run_id), "unexpected")
    assert "nobody may see" not in str(told)
    assert [event["outcome"] for event in prefect.told(now(run_id), "flow-run-reconcile")] == ["failure"]


@pytest.mark.usefixtures("prefect")
def test_scratch_that_cannot_be_removed_keeps_no_run_from_its_card(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_id = run_of(ended_process())

    def full(_: Path) -> int:
        raise PermissionError(1, "planted", str(tmp_path))

    monkeypatch.setattr("flows.scratch.sweep", full)

    done = reconcile()

    assert [run.id for run in done.crashed] == [run_id]
    assert {each.error.code for each in done.troubles} == {"target"}
    assert None in {each.id for each in done.troubles}
