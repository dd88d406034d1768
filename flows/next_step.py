"""What the card of a failed run says to do next: one click or one command, of those that can help.

A Retry repeats a run's parameters, reads the same journal and mends nothing that is stored: where that is in the way,
the step is another one. The pages of docs/on-call/codes say the same.
"""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from prefect.client.schemas.objects import FlowRun

from flows.host import JOURNAL
from flows.mending import ELSEWHERE
from proofkeep.errors import (
    DamagedError,
    DrillFailedError,
    EntryMovedError,
    HostLostError,
    IntegrityError,
    LedgerAheadError,
    LedgerBusyError,
    NotProvenError,
    ObjectUnreadableError,
    PackMissingError,
    PackRetiredError,
    ProofkeepError,
    RunAbandonedError,
    SelfCheckError,
    ServerUnavailableError,
    SourceEmptyError,
    SpoolFullError,
    StateDamagedError,
    StateFullError,
    TargetError,
    UnsafePathError,
    UsageError,
    WrongHostError,
)

NEW_PARAMETERS = (
    "start a new run with parameters that fit, **Run** on its deployment; a Retry repeats those that this run has."
)
_FOUND_IN_A_RESTORE = (
    "take what was restored, and the files under the findings from an older snapshot: a new run of the restore with "
    "its id and another target. Retry does not mend stored bytes."
)
_FOUND_IN_A_VERIFY = (
    "run a backup of the entries whose snapshots the findings name: it relies on none of the packs that this host "
    f"found damaged, and sends again what the source still holds of them. {ELSEWHERE} Let somebody look first if a "
    "finding is `authentication`, `rollback` or `ledger-mismatch`. Retry does not mend stored bytes."
)
_COMPARE_HEADS = (
    "compare the heads below with the ledger head on a commit's card, of each writer. If they agree, {retry}: this "
    "host remembers them now. If one is behind, let somebody look before anything runs again."
)
_FROM_ANOTHER_HOST = (
    "give the entries of that host to another one (`host` in the inventory, then `proofkeep apply`), and start a new "
    "run, **Run** on the new deployment: it reads the source anew. Where the source went with the host, restore its "
    "newest snapshot. If the disk comes back under the host's name, run `proofkeep resume-transfers` there: it sends "
    "what waited. A Retry reads the source as it lies there, however old, unless this run had read it to its end; once "
    "another host backs the entry up, it is refused."
)
_ANOTHER_JOURNAL = (
    "start a new run, **Run** on its deployment: a damaged catalog is learned anew, and a Retry would meet a "
    "damaged journal again."
)
_NOT_MOUNTED = (
    "mount the source, then {retry}. If it is meant to be empty, start a new run with `allow_empty` among its "
    "options, **Run** on its deployment; a Retry repeats the options that this run has."
)
_LEDGER_AHEAD = (
    "compare this host's clock with another machine's. If it is wrong, set it, then {retry}. If it is right, start a "
    "new backup with the entry that the message ends in as `known_ahead` among its options, **Run** on its deployment; "
    "once that has committed, every host goes on. A Retry repeats the options that this run has, and is refused until "
    "then."
)
_LEDGER_BUSY = (
    "on the host, look at the process that the message names (`ps -o pid,stat,etime,args -p PID`): let it go on if it "
    "does, or end it, which is safe. Then {retry}."
)
_SERVER_IS_BACK = (
    "the server answered when this card was made: {retry}. If it goes away again, mend it, its PostgreSQL or the way "
    "to it first."
)
_NO_ROOM_IN_THE_SPOOL = (
    "mend the transfers that wait or make room on the disk, then {retry}. If the limit is too small, start a new "
    "run with a larger `spool_limit` among its options, **Run** on its deployment; a Retry repeats the options "
    "that this run has."
)


_A_DRILL_OF_ITS_OWN = (
    "What runs next is a drill of its own: the evidence of this one stays `failed`, and wants its corrective action."
)


def next_step(run: FlowRun, error: ProofkeepError) -> str:
    """What the error alone tells."""
    if isinstance(error, DrillFailedError) and error.met is not None:
        return f"{next_step(run, error.met)} {_A_DRILL_OF_ITS_OWN}"
    said = next(said for kinds, said in _STEPS if isinstance(error, kinds))
    return said.format(retry=_retry(run)) if isinstance(said, str) else said(run)


def _retry(run: FlowRun) -> str:
    return f"press **Retry** on this run, or run `prefect flow-run retry {run.id}`"


def _read_the_findings(run: FlowRun) -> str:
    return _FOUND_IN_A_RESTORE if "target" in run.parameters else _FOUND_IN_A_VERIFY


def _another_target(run: FlowRun) -> str:
    if "target" not in run.parameters:  # a drill's scratch or its evidence
        return f"mend what the message names, then {_retry(run)}."
    return (
        "start a new run with another `target`, **Run** on its deployment; a Retry repeats the one that this run has, "
        "and helps once that directory takes files again."
    )


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


def _on_the_new_host(run: FlowRun) -> str:
    return (
        "wait for the entry's next run, or start one, **Run** on its deployment: it reads the source on the host that "
        f"backs the entry up by now. What this run had sealed before, `proofkeep resume-transfers {run.id.hex}` on the "
        f"host of its queue sends, and `proofkeep abandon {run.id.hex}` there gives up. A Retry is refused again."
    )


_Kinds = type[ProofkeepError] | tuple[type[ProofkeepError], ...]
_STEPS: tuple[tuple[_Kinds, str | Callable[[FlowRun], str]], ...] = (
    (RunAbandonedError, "start a new run of the entry, **Run** on its deployment; a Retry of this one is refused."),
    ((PackMissingError, PackRetiredError, StateFullError), "{retry}."),
    (SelfCheckError, "stop backups on this host until its memory was tested; on sound hardware {retry}."),
    (ObjectUnreadableError, "mend the store's disk or the object's permissions, then {retry}."),
    (IntegrityError, "let somebody look before anything runs again; Retry does not mend stored bytes."),
    (DamagedError, _read_the_findings),
    (NotProvenError, _COMPARE_HEADS),
    (UnsafePathError, "restore an older snapshot, by a new run with its id; let somebody look at this one."),
    (TargetError, _another_target),
    (StateDamagedError, _ANOTHER_JOURNAL),
    (SourceEmptyError, _NOT_MOUNTED),
    (SpoolFullError, _NO_ROOM_IN_THE_SPOOL),
    (WrongHostError, _on_its_host),
    (EntryMovedError, _on_the_new_host),
    (LedgerAheadError, _LEDGER_AHEAD),
    (LedgerBusyError, _LEDGER_BUSY),
    (ServerUnavailableError, _SERVER_IS_BACK),
    (HostLostError, _FROM_ANOTHER_HOST),
    (UsageError, f"correct it, then {{retry}}. If it is a parameter of this run, {NEW_PARAMETERS}"),
    (ProofkeepError, "{retry}."),
)
"""The first whose kind the error is."""


def to_complete(runs: Iterable[str]) -> str:
    """What completes the snapshots of runs that `resume_transfers` met and that lack something, or everything.

    Args:
        runs: ids of the backup runs, hex.
    """
    own = "; ".join(
        f"`prefect flow-run retry {UUID(run)}`, or `proofkeep backup --resume {run}` if the command line began it"
        for run in runs
    )
    return (
        f"the entry's next backup reads again what was missing, and so does **Retry** on the backup run itself: {own}. "
        "A Retry of this run reads no source: it ends like this until that run has a complete snapshot or, where packs "
        "are gone, a later one of its entry is committed."
    )


def to_give_back(runs: Iterable[str]) -> str:
    """What is left to do with the spools of runs whose journal is gone or cannot be read.

    Args:
        runs: their ids, hex.
    """
    given_up = ", ".join(f"`proofkeep abandon {run}`" for run in runs)
    return (
        f"{given_up} (or deployment `abandon`) gives the spool's space back: nobody can send what lies there, and the "
        "entry's next run reads its source anew. A Retry of this run ends like this until then."
    )


def without_retry(run: FlowRun, unsent: Sequence[str]) -> str:
    """What else may be done with packs that wait, on the host that holds them.

    Args:
        unsent: ids of the runs whose packs they are, hex: the run itself, or those that it was to send.
    """
    if run.id.hex not in unsent:
        given_up = ", ".join(f"`proofkeep abandon {each}`" for each in unsent)
        return (
            f"the next run of each entry takes up what waits; {given_up} (or deployment `abandon`) gives the spool's "
            "space back"
        )
    return (
        "the entry's next run takes up what waits; "
        f"`proofkeep resume-transfers {run.id.hex}` (or deployment `resume_transfers`) sends it without the source; "
        f"`proofkeep abandon {run.id.hex}` (or deployment `abandon`) gives the spool's space back"
    )
