"""The flow `resume_transfers`: what waits in this host's spool is sent, whoever left it; no source is touched."""

import threading
from functools import partial

import msgspec
from prefect import flow

from blocks import Repository, load_block
from flows.cards import Card, failure_told
from flows.host import claim
from flows.progress import RunProgress
from flows.runs import named_by, this_run
from flows.telling import telling
from flows.watching import in_thread, threads, watched
from proofkeep.backup.resume import Resumed, resumable
from proofkeep.errors import CancelledError, ProofkeepError
from proofkeep.model import Finding
from proofkeep.pace import share_of
from proofkeep.progress import in_units
from proofkeep.state import run_id
from tasks.kinds import Receipt
from tasks.resume import Resuming, resume


@flow(
    name="resume_transfers",
    flow_run_name=named_by("repository"),
    task_runner=threads(1),
    **telling(),
)
def resume_transfers(repository: str, runs: list[str] | None = None) -> Receipt:
    """Send what abandoned runs left in the spool of this host.

    A run that had read its source to the end is committed as a snapshot of its own instant. What the others had sealed
    is used by their entries' next runs. Needs no data key.

    Args:
        repository: name of a Proofkeep Repository block.
        runs: ids of runs, as the status names them; empty takes all that wait.
    """
    with failure_told("resume-transfers", repository) as card:
        claim(this_run())
        done, failures = _resume_all(repository, [run_id(run).hex() for run in runs or []])
        _say(card, repository, done, failures)
        if failures:
            raise next(iter(failures.values()))
        return {"resumed": [msgspec.to_builtins(each) for each in done]}


def _resume_all(repository: str, runs: list[str]) -> tuple[list[Resumed], dict[str, ProofkeepError]]:
    """What came of each run, and the errors by the runs that met them; one does not keep the others from being sent."""
    block = load_block(Repository, repository)
    configuration = block.configuration()
    connected = configuration.connect(block.session())
    state = configuration.open_state(connected)
    progress = RunProgress("sending what waits")
    done: list[Resumed] = []
    failures: dict[str, ProofkeepError] = {}
    waiting = resumable(state, runs)
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
        if (failure := resumed.failure) is not None and resumed.committed is not None:
            failures[left.run] = failure
    progress.finish(f"{len(done)} of {len(waiting)} runs were sent")
    return done, failures


def _show(progress: RunProgress, number: int, of: int) -> None:
    counts = progress.of("upload")
    sent = f"{in_units(counts.get('bytes', 0))} of {in_units(counts.get('total_bytes', 0))} sent"
    share = (number + (share_of(counts) or 0.0)) / of
    progress.show(share, f"run {number + 1} of {of}: {sent}{progress.pace('upload')}")


def _say(card: Card, repository: str, done: list[Resumed], failures: dict[str, ProofkeepError]) -> None:
    rows = {f"run `{each.run}` of {each.entry}": _came_of(each) for each in done} or {"waiting": "nothing"}
    findings = [Finding(error.code, f"run {run}", str(error)) for run, error in failures.items()]
    card.say(f"Transfers of {repository} resumed", rows, findings, f"{len(done)} runs, {len(failures)} failed")


def _came_of(resumed: Resumed) -> str:
    sent = f"{resumed.sent:,} packs sent"
    if resumed.committed is not None:
        state = "complete" if resumed.committed.complete else "**incomplete**"
        return f"{sent}, snapshot `{resumed.committed.snapshot}` is committed, {state}"
    return f"{sent}; its source was not read to its end, the entry's next run counts on them"
