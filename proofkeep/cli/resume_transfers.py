"""`resume-transfers`: send what abandoned runs left in this host's spool; touches no source and needs no data key."""

from collections.abc import Sequence
from typing import Any

from proofkeep.backup.resume import Resumed, committed_before, resumable
from proofkeep.backup.retrying import pausing
from proofkeep.cli import shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.errors import CancelledError, PartialSnapshotError, ProofkeepError
from proofkeep.progress import counted
from proofkeep.state import require_owner, run_id


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    summary = "send what abandoned runs left in the spool of this host"
    parser = add_command(commands, "resume-transfers", run, summary)
    parser.add_argument("run", metavar="RUN", nargs="*", help="only these runs (default: all that wait)")
    return parser


def run(context: Context) -> Exit:
    """Send, and commit what had been read to its end; one run's error does not keep the others from being sent.

    Raises:
        ProofkeepError: as `proofkeep.backup.resume`; the first one met.
        PackMissingError, PackRetiredError: all was sent, but a source that was read to its end has to be read again.
        PartialSnapshotError: all was sent, but something could not be read when a snapshot was made.
    """
    configuration = context.configuration
    require_owner(configuration.state)  # before the host secret is looked for, which another user has not either
    repository = configuration.connect()
    state = configuration.open_state(repository)
    wanted = [run_id(spelled).hex() for spelled in context.options.run]
    done = committed_before(state, wanted)
    errors: list[ProofkeepError] = []
    cancelled = context.interruption.cancelled
    pause = pausing(context.interruption.wait, cancelled)
    with context.progress() as progress, context.interruption.listening():
        for left in resumable(state, wanted):
            try:
                done.append(
                    configuration.resume(repository, state, left, pause, cancelled=cancelled, progress=progress)
                )
            except CancelledError:
                raise
            except ProofkeepError as error:
                errors.append(error)
    told = lines(done) if done or not errors else []  # what waits is among the errors then
    context.report.tell({"resumed": [as_document(each) for each in done]}, told)
    lacking = [failure for each in done if (failure := each.failure) is not None]
    errors += sorted(lacking, key=lambda failure: isinstance(failure, PartialSnapshotError))  # a snapshot exists there
    if errors:
        raise errors[0]
    return Exit.OK


def as_document(resumed: Resumed) -> dict[str, Any]:
    """A resumed run for scripts."""
    committed, taken_up = resumed.committed, resumed.taken_up
    return {
        "run": resumed.run,
        "entry": resumed.entry,
        "sent": resumed.sent,
        "snapshot": None if committed is None else committed.snapshot,
        "complete": None if committed is None else committed.complete,
        "lost": None if taken_up is None else taken_up.lost,
        "code": None if (failure := resumed.failure) is None else failure.code,
        "later": resumed.later,
    }


def lines(done: Sequence[Resumed]) -> list[str]:
    """What came of each, for people."""
    return [_line(each) for each in done] or ["nothing waits in the spool of this host"]


def _line(resumed: Resumed) -> str:
    of = f"run {resumed.run} of {shown.text(resumed.entry)}: {counted(resumed.sent, 'pack')} sent"
    if resumed.committed is not None:
        state = "complete" if resumed.committed.complete else "incomplete"
        return f"{of}, snapshot {resumed.committed.snapshot} committed ({state})"
    return f"{of}; {resumed.instead}"
