"""The flow `resume_transfers`: what waits in this host's spool is sent, whoever left it; no source is touched."""

import threading
from collections.abc import Collection
from functools import partial

import msgspec
from prefect import flow

from blocks import Repository, load_block
from flows.cards import Card, failure_told
from flows.host import TAKEN, claim, label
from flows.next_step import to_complete, to_give_back
from flows.progress import RunProgress
from flows.runs import named_by, this_run
from flows.telling import telling
from flows.watching import in_thread, threads, watched
from proofkeep.backup.resume import Resumed, committed_before, resumable
from proofkeep.backup.underway import WAITS
from proofkeep.errors import CancelledError, PackMissingError, PackRetiredError, PartialSnapshotError, ProofkeepError
from proofkeep.model import Finding
from proofkeep.pace import share_of
from proofkeep.progress import counted, in_units
from proofkeep.state import run_id
from tasks.kinds import Receipt
from tasks.resume import Resuming, resume

_LACKING = ((PackMissingError, PackRetiredError), PartialSnapshotError)
"""What only a run that reads its source mends, the worse first."""


@flow(
    name="resume_transfers",
    flow_run_name=named_by("repository"),
    task_runner=threads(1),
    **telling(),
)
def resume_transfers(repository: str, runs: list[str] | None = None) -> Receipt:
    """Send what abandoned runs left in the spool of this host.

    A run that had read its source to the end is committed as a snapshot of its own instant; where a pack of it is gone,
    this run is Failed. What the others had sealed is used by their entries' next runs. Needs no data key. A retry sends
    what did not arrive; it stays Failed while a run that it took, or that is named, has no snapshot although its source
    was read to its end, and no later one of its entry stands for it, or the newest one of it is incomplete.

    Args:
        repository: name of a Proofkeep Repository block.
        runs: ids of runs, as the status names them; empty takes all that wait.
    """
    with failure_told("resume-transfers", repository) as card:
        claim(this_run())
        done, failures, unreadable = _resume_all(repository, [run_id(run).hex() for run in runs or []])
        _say(card, repository, done, failures)
        if failures:
            raise _ending(card, failures, unreadable)
        return {"resumed": [msgspec.to_builtins(each) for each in done]}


def _resume_all(repository: str, runs: list[str]) -> tuple[list[Resumed], dict[str, ProofkeepError], list[str]]:
    """What came of each run, the errors by the runs that met them, and the runs that no journal tells of.

    One error does not keep the others from being sent.
    """
    block = load_block(Repository, repository)
    configuration = block.configuration()
    connected = configuration.connect(block.session())
    state = configuration.open_state(connected)
    progress = RunProgress("sending what waits")
    before = str(this_run().labels.get(TAKEN, "")).split()
    waiting = resumable(state, runs, before)
    if not runs:
        _take([*before, *(left.run for left in waiting)])
    done = committed_before(state, runs or before)
    failures = {each.run: failure for each in done if (failure := each.failure) is not None}
    earlier = len(done)
    for number, left in enumerate(waiting):
        cancelled = threading.Event()
        resuming = Resuming(configuration, connected, state, left, cancelled=cancelled.is_set, progress=progress)
        show = partial(_show, progress, number, len(waiting))
        try:
            told = watched(in_thread(resume.submit(resuming)), show, cancelled)
        except CancelledError:
            raise
        except ProofkeepError as error:
            failures[left.run] = error
            continue
        resumed = msgspec.convert(told, Resumed)
        done.append(resumed)
        if (failure := resumed.failure) is not None:
            failures[left.run] = failure
    progress.finish(f"{len(done) - earlier} of {len(waiting)} runs were sent")
    return done, failures, [left.run for left in waiting if left.damaged]


def _take(runs: list[str]) -> None:
    """What all attempts of a run without names took: committed, or given to the next backup, it waits no more."""
    label(this_run(), {TAKEN: " ".join(dict.fromkeys(runs))})


def _ending(card: Card, failures: dict[str, ProofkeepError], unreadable: Collection[str]) -> ProofkeepError:
    """The error that the run ends in: one that its Retry may mend, if there is one; the others are told beside it.

    Args:
        unreadable: runs whose journal is gone or cannot be read.
    """
    card.also = list(failures.values())
    lacking = [run for kind in _LACKING for run, error in failures.items() if isinstance(error, kind)]
    lost = [run for run in failures if run in unreadable]
    unsent = [run for run in failures if run not in (*lacking, *lost)]
    steps = [step(runs) for step, runs in ((to_give_back, lost), (to_complete, lacking)) if runs]
    if not unsent:
        card.then = steps.pop(0)
    for step in steps:
        card.note(step)
    return failures[(unsent or lost or lacking)[0]]


def _show(progress: RunProgress, number: int, of: int) -> None:
    counts = progress.of("upload")
    sent = f"{in_units(counts.get('bytes', 0))} of {in_units(counts.get('total_bytes', 0))} sent"
    share = (number + (share_of(counts) or 0.0)) / of
    now = progress.said(WAITS) if progress.latest == WAITS else f"{sent}{progress.pace('upload')}"
    progress.show(share, f"run {number + 1} of {of}: {now}")


def _say(card: Card, repository: str, done: list[Resumed], failures: dict[str, ProofkeepError]) -> None:
    rows = {f"run `{each.run}` of {each.entry}": _came_of(each) for each in done}
    rows = rows or {"waiting": "what the findings name" if failures else "nothing"}
    findings = [Finding(error.code, f"run {run}", str(error)) for run, error in failures.items()]
    card.say(
        f"Transfers of {repository} resumed", rows, findings, f"{counted(len(done), 'run')}, {len(failures)} failed"
    )


def _came_of(resumed: Resumed) -> str:
    sent = f"{counted(resumed.sent, 'pack')} sent"
    if resumed.committed is not None:
        state = "complete" if resumed.committed.complete else "**incomplete**"
        return f"{sent}, snapshot `{resumed.committed.snapshot}` is committed, {state}"
    return f"{sent}; {resumed.instead}"
