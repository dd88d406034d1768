"""Where a failed run stands on its host: what waits, what is proven; of itself, or of the runs that it was to send.

Of a run whose host is lost: what is lost with it, and which entries nobody backs up any more.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterWorkQueueName
from prefect.client.schemas.objects import FlowRun

from blocks import Repository, load_block
from flows.host import JOURNAL, TAKEN
from proofkeep.aftermath import Left, left_by
from proofkeep.configuration.identity import host_name
from proofkeep.errors import UsageError
from proofkeep.inventory import host_of
from proofkeep.progress import counted, in_units
from proofkeep.state import run_id

_MOST_NUMBERS = 20
_PAGE = 200
RESUME = "resume-transfers"
_GONE = Left(None, (), sealed=False, committed=None, unreadable=True)
"""Of a run beside others that is not on this host: nobody can say here that nothing of it is lost."""
_UNTOUCHED = {
    "verify": "a verify only reads: nothing in the repository was changed",
    "restore": "a restore only reads the repository: nothing in it was changed",
    "drill": "a drill only reads the repository: nothing in it was changed",
    "spot-check": "a spot-check only reads the source: nothing was changed",
    "status": "a status only reads: nothing was changed",
    "fleet": "a fleet holds no data itself; each run that it started has a card of its own",
    "apply": "an inventory changes deployments only: no repository and no source was touched",
    "abandon": "what a run had sent is in the store, and every committed snapshot is untouched",
}


def state_of(run: FlowRun) -> Path | None:
    """The state directory of the run's repository on this host; None where its block is not usable."""
    name = run.parameters.get("repository")
    try:
        return Path(load_block(Repository, str(name)).state) if name else None
    except UsageError:
        return None


def left_over(client: SyncPrefectClient, verb: str, run: FlowRun, state: Path | None) -> dict[str, Left]:
    """What there is in `state` of the run itself, or of the runs that it was to send; by their ids, hex."""
    if state is None:
        return {}
    ids = _to_send(client, run) if verb == RESUME else [run.id.hex]
    found = {each: left_by(state, bytes.fromhex(each)) for each in ids}
    if not any(found.values()):
        return {}
    return {each: _GONE if left is None else left for each, left in found.items()}


def _to_send(client: SyncPrefectClient, run: FlowRun) -> list[str]:
    """Those that a `resume_transfers` names, or took."""
    named = run.parameters.get("runs")
    if not named or not isinstance(named, list):  # `run` was read before it labelled itself
        named = str(client.read_flow_run(run.id).labels.get(TAKEN, "")).split()
    with suppress(UsageError):  # one is no id, which is why the run failed
        return [run_id(str(each)).hex() for each in named]
    return []


def transfers(run: FlowRun, left: Mapping[str, Left]) -> str:
    """Which transfers are not proven, of how many; empty where no run has any."""
    told = {each: _transfers(of_run) for each, of_run in left.items() if of_run.transfers or of_run.unreadable}
    return "<br>".join(words if each == run.id.hex else f"run `{each}`: {words}" for each, words in told.items())


def _transfers(left: Left) -> str:
    if left.unreadable:
        return "not known, the journal is gone or cannot be read"
    unproven, all_of_them = left.unproven, len(left.transfers)
    more = "" if left.sealed else "; the source was not read to its end, so that more will follow"
    if left.missing:
        more = (
            f"; {counted(left.missing, 'more pack')} that it sealed cannot be had, for which the source is read again"
        )
    if not unproven:
        return f"all {all_of_them} are proven in the store{more}"
    shown = ", ".join(map(str, unproven[:_MOST_NUMBERS])) + (", ..." if len(unproven) > _MOST_NUMBERS else "")
    attempts = f"; {counted(left.failures, 'attempt')} to send a pack failed" if left.failures else ""
    return f"{len(unproven)} of {all_of_them} are not proven in the store: number {shown}{attempts}{more}"


def safe(verb: str, run: FlowRun, state: Path | None, left: Collection[Left]) -> str:
    """What is not lost, as far as it is known.

    Args:
        state: as `state_of` tells it.
        left: as `left_over` tells it.
    """
    if verb in _UNTOUCHED:
        return _UNTOUCHED[verb]
    host = str(run.labels.get(JOURNAL) or host_name())
    if state is None:
        return _not_counted(host, "the repository block cannot be used")
    if any(each.unreadable for each in left):
        return _not_counted(host, "a journal is gone or cannot be read")
    if not left:
        return _nothing(verb, run, host)
    waiting, size = sum(each.waiting for each in left), in_units(sum(each.waiting_bytes for each in left))
    proven = sum(each.proven for each in left)
    wait = "waits" if waiting == 1 else "wait"
    words = f"nothing is lost: {counted(waiting, 'pack')} ({size}) {wait}" if waiting else "nothing waits"
    sent = sum(each.sent for each in left)
    arrived = []
    if sent:
        were, are = ("was", "is") if sent == 1 else ("were", "are")
        arrived.append(f"{sent} of them {were} sent and {are} not proven yet")
    if proven:
        are = "is" if proven == 1 else "are"
        arrived.append(f"{counted(proven, 'pack')} {are} proven in the store and {are} not sent again")
    elif waiting:
        arrived.append("none is proven in the store" if sent else "none is known to have arrived")
    return "; ".join(filter(None, [f"{words} in the spool on host {host}", ", ".join(arrived)]))


def _not_counted(host: str, why: str) -> str:
    return f"not counted, since {why}: what was sealed and not sent, if anything, lies in the spool on host {host}"


def _nothing(verb: str, run: FlowRun, host: str) -> str:
    """Where this host holds nothing of it."""
    if verb == RESUME:
        return f"this run took nothing: what waits in the spool on host {host} waits there as before"
    if host != host_name():
        return f"what this run sealed lies on host {host}"
    if JOURNAL in run.labels:  # an earlier attempt was about to begin a journal here
        return f"no journal of this run is on host {host}: it had sealed nothing, or what waited was removed with it"
    return "this run sealed nothing here; the source and every earlier snapshot are untouched"


def lost(verb: str, run: FlowRun) -> str:
    """What is not lost with the run's host, and what is."""
    if verb in _UNTOUCHED:
        return _UNTOUCHED[verb]
    if verb != RESUME and JOURNAL not in run.labels:
        return "this run had begun no journal: it had sealed nothing"
    where = f" on host {run.labels[JOURNAL]}" if JOURNAL in run.labels else ""
    return (
        f"every committed snapshot. What waited in the spool{where}, of this run and of earlier ones, is **lost unless "
        "the disk comes back**; what had been sent and was not committed lies in the store, where no reader sees it"
    )


def entries_of(client: SyncPrefectClient, queue: str) -> list[str]:
    """Inventory entries of the deployments on a work queue."""
    chosen = DeploymentFilter(work_queue_name=DeploymentFilterWorkQueueName(any_=[queue]))
    found, offset = set[str](), 0
    while page := client.read_deployments(deployment_filter=chosen, limit=_PAGE, offset=offset):
        offset += len(page)
        found |= {entry for each in page if isinstance(entry := each.parameters.get("entry"), str)}
    return sorted(found)


def without_backups(client: SyncPrefectClient, run: FlowRun) -> str:
    """Whose recovery points stay where they are because the run's host is lost; empty where nobody can say."""
    entries = entries_of(client, host_of(run.work_queue_name)) if run.work_queue_name else []
    return f"{', '.join(f'`{entry}`' for entry in entries)}, until another host backs them up" if entries else ""
