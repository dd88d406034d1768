"""A run that somebody paused: it ends at its next step as a cancelled one does, and its state stays Suspended.

Resume starts it again from there. Prefect waits for that as long as the pause says, five minutes from its UI, and then
sets the run Failed in words of its own.
"""

import re

from prefect.client.schemas.objects import FlowRun, StateType

from proofkeep.errors import CancelledError

_NEVER_RESUMED = re.compile(r"The flow was \w+ and never resumed\.")


def paused(run: FlowRun) -> CancelledError:
    """What ends a run that somebody paused."""
    return CancelledError(f"run {run.id} was paused, which ends its process")


def resume_or_retry(run: FlowRun) -> str:
    """The next step of a run that is Suspended."""
    return (
        "press **Resume** on this run while it is Suspended: it goes on from what was sealed. So does **Retry** (or "
        f"`prefect flow-run retry {run.id}`) once it is Failed, five minutes after the Pause."
    )


def was_never_resumed(run: FlowRun) -> bool:
    """Whether that is why the server set the run Failed, and nobody has told more of it."""
    state = run.state
    return state is not None and state.type is StateType.FAILED and bool(_NEVER_RESUMED.fullmatch(state.message or ""))
