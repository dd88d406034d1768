"""What the card of a failed run says to do next: one click or one command, of those that can help."""

from collections.abc import Iterable
from uuid import UUID

from prefect.client.schemas.objects import FlowRun

from flows.host import JOURNAL
from proofkeep.errors import (
    DamagedError,
    IntegrityError,
    PackMissingError,
    PackRetiredError,
    ProofkeepError,
    RunAbandonedError,
    UsageError,
    WrongHostError,
)

_LOOK_FIRST = (IntegrityError, DamagedError)
_MENDED_BY_RETRY = (PackMissingError, PackRetiredError)

NEW_PARAMETERS = (
    "start a new run with parameters that fit, **Run** on its deployment; a Retry repeats those that this run has."
)


def next_step(run: FlowRun, error: ProofkeepError) -> str:
    """What the error alone tells."""
    if isinstance(error, RunAbandonedError):
        return "start a new run of the entry, **Run** on its deployment; a Retry of this one is refused."
    if isinstance(error, _LOOK_FIRST) and not isinstance(error, _MENDED_BY_RETRY):
        return "let somebody look before anything runs again; Retry does not mend stored bytes."
    if isinstance(error, WrongHostError):
        return _on_its_host(run)
    retry = f"press **Retry** on this run, or run `prefect flow-run retry {run.id}`"
    if isinstance(error, UsageError):
        return f"correct it, then {retry}. If it is a parameter of this run, {NEW_PARAMETERS}"
    return f"{retry}."


def _on_its_host(run: FlowRun) -> str:
    """A flow run keeps the work queue that it was created with, whatever its deployment says by now."""
    host = f"host {run.labels[JOURNAL]}" if JOURNAL in run.labels else "the host named above"
    queue = f" `{run.work_queue_name}`" if run.work_queue_name else ""
    return (
        f"on {host} run `proofkeep resume-transfers {run.id.hex}` (or the deployment `resume_transfers` of that host), "
        f"which sends what waits there. Or see that the worker of {host} alone polls this run's work queue{queue}, and "
        "press **Retry**: the run keeps that queue, whatever its deployment names by now. Once the deployment is "
        "corrected, start a new run."
    )


def to_complete(runs: Iterable[str]) -> str:
    """What completes the snapshots of runs that `resume_transfers` committed and that lack something.

    Args:
        runs: ids of the backup runs, hex.
    """
    own = "; ".join(
        f"`prefect flow-run retry {UUID(run)}`, or `proofkeep backup --resume {run}` if the command line began it"
        for run in runs
    )
    return (
        f"the entry's next backup reads again what was missing, and so does **Retry** on the backup run itself: {own}. "
        "A Retry of this run reads no source: it ends like this as long as that run's snapshot is incomplete."
    )


def without_retry(run: FlowRun) -> str:
    """What else may be done with packs that wait, on the host that holds them."""
    return (
        "the entry's next run takes up what waits; "
        f"`proofkeep resume-transfers {run.id.hex}` (or deployment `resume_transfers`) sends it without the source; "
        f"`proofkeep abandon {run.id.hex}` (or deployment `abandon`) gives the spool's space back"
    )
