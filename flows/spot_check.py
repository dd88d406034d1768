"""The flow `spot_check`: a drill's question to a live source, deployed on the queue of the source's own host."""

import time
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from blocks import Repository, Source, load_block
from flows.cards import tell_failure
from flows.drill_steps import DrillSteps
from flows.logs import tell_flow_state
from flows.runs import named_by
from proofkeep.drill import Live
from proofkeep.errors import ProofkeepError
from tasks.boundary import only_our_errors
from tasks.spot_check import Receipt, SpotCheck, spot_check_here, tell_answers


@flow(
    name="spot_check",
    flow_run_name=named_by("entry"),
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type] # does not fit prefect's own annotation
    persist_result=True,
    result_serializer="json",
    on_running=[tell_flow_state],
    on_completion=[tell_flow_state],
    on_failure=[tell_flow_state],
    on_crashed=[tell_flow_state],
    on_cancellation=[tell_flow_state],
)
def spot_check(entry: str, repository: str, source: str, questions: list[dict[str, Any]]) -> Receipt:
    """Tell the keyed digests of those files that have not changed since they were backed up.

    A `restore_drill` on another host starts it and takes the answers from its table artifact. Needs the host secret,
    no data key.

    Args:
        entry: name of the inventory entry.
        repository: name of a Proofkeep Repository block.
        source: name of a Proofkeep Source block whose tree lies on this host.
        questions: keyed ids and keyed stat fingerprints, set by the drill.
    """
    with only_our_errors("spot_check", advise=True):
        try:
            told = _ask(entry, repository, source, questions)
        except ProofkeepError as error:
            tell_failure("spot-check", entry, error)
            raise
        tell_answers(told)
        return told


def _ask(entry: str, repository: str, source: str, questions: list[dict[str, Any]]) -> Receipt:
    block = load_block(Repository, repository)
    configuration = block.configuration(entry=entry, source=load_block(Source, source))
    connected = configuration.connect(block.session())
    steps = DrillSteps(1)
    check = SpotCheck(
        connected,
        Live(configuration.open_source(), configuration.open_state(connected), entry),
        now_ns=time.time_ns(),
        cancelled=steps.is_cancelled,
        progress=steps.progress,
    )
    told: Receipt = steps.run("spot_check", lambda: spot_check_here.submit(check, questions))
    steps.progress.finish(f"{len(questions):,} files asked for")
    return told
