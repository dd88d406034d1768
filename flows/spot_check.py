"""The flow `spot_check`: a drill's question to a live source, deployed on the source's own host."""

import time
from typing import Any

from prefect import flow

from blocks import Repository, Source, load_block
from flows.cards import failure_told
from flows.drill_steps import DrillSteps
from flows.host import claim
from flows.runs import named_by, this_run
from flows.telling import telling
from flows.watching import threads
from proofkeep.drill import Live
from proofkeep.progress import counted
from tasks.kinds import Receipt
from tasks.spot_check import SpotCheck, spot_check_here, tell_answers


@flow(
    name="spot_check",
    flow_run_name=named_by("entry"),
    task_runner=threads(2),
    **telling(),
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
    with failure_told("spot-check", entry):
        claim(this_run())
        told = _ask(entry, repository, source, questions)
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
    steps.progress.finish(f"{counted(len(questions), 'file')} asked for")
    return told
