"""Where a failed run stands on its host: what waits, what is proven, and what snapshot there is to restore."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from prefect.client.schemas.objects import FlowRun

from blocks import Repository, load_block
from flows.history import spelled
from flows.host import JOURNAL
from proofkeep.aftermath import Left, last_commit, left_by
from proofkeep.configuration.identity import host_name
from proofkeep.errors import DamagedError, PartialSnapshotError, ProofkeepError, UsageError
from proofkeep.progress import in_units

_NS = 10**9
_HOUR = 3600
_MOST_NUMBERS = 20
_BACKUP = "backup"
_OF_MANY = {"fleet", "apply", "status"}
_UNTOUCHED = {
    "verify": "a verify only reads: nothing in the repository was changed",
    "restore": "a restore only reads the repository: nothing in it was changed",
    "drill": "a drill only reads the repository: nothing in it was changed",
    "spot-check": "a spot-check only reads the source: nothing was changed",
    "status": "a status only reads: nothing was changed",
    "fleet": "a fleet holds no data itself; each run that it started has a card of its own",
    "apply": "an inventory changes deployments only: no repository and no source was touched",
    "abandon": "what a run had sent is in the store, and every committed snapshot is untouched",
    "resume-transfers": "what was not sent waits in the spool of this host as before; nothing is sent twice",
}


def state_of(run: FlowRun) -> Path | None:
    """The state directory of the run's repository on this host; None where its block is not usable."""
    name = run.parameters.get("repository")
    try:
        return Path(load_block(Repository, str(name)).state) if name else None
    except UsageError:
        return None


def transfers(left: Left) -> str:
    """Which transfers are not proven, of how many."""
    unproven, all_of_them = left.unproven, len(left.transfers)
    more = "" if left.sealed else "; the source was not read to its end, so that more will follow"
    if not unproven:
        return f"all {all_of_them} are proven in the store{more}"
    shown = ", ".join(map(str, unproven[:_MOST_NUMBERS])) + (", ..." if len(unproven) > _MOST_NUMBERS else "")
    attempts = f", {left.failures} attempts to send a pack failed" if left.failures else ""
    return f"{len(unproven)} of {all_of_them} are not proven in the store: number {shown}{attempts}{more}"


def safe(verb: str, run: FlowRun, left: Left | None) -> str:
    """What is not lost."""
    if verb in _UNTOUCHED:
        return _UNTOUCHED[verb]
    host = str(run.labels.get(JOURNAL) or host_name())
    if left is None:
        if host != host_name():
            return f"what this run sealed lies on host {host}"
        return "this run sealed nothing here; the source and every earlier snapshot are untouched"
    if left.waiting == 0:
        words = f"nothing waits in the spool on host {host}"
    else:
        words = (
            f"nothing is lost: {left.waiting} packs ({in_units(left.waiting_bytes)}) wait in the spool on host {host}"
        )
    proven = (
        f"{left.proven} packs are proven in the store and are not sent again" if left.proven else "none has arrived"
    )
    return f"{words}; {proven}"


def recovery_point(
    verb: str, state: Path | None, left: Left | None, before: Sequence[FlowRun], error: ProofkeepError
) -> str:
    """What the failure does to the newest snapshot that this host remembers, and that snapshot's age.

    Args:
        left: what this run left.
        before: earlier runs of its entry; one of their journals names the entry where this run has none yet.
    """
    if verb in _OF_MANY:
        return "of each entry: see the status, and the card of its own last run"
    effect = _effect(verb, error)
    entry = _entry(state, left, before) if verb == _BACKUP else None
    newest = None if state is None or (verb == _BACKUP and entry is None) else last_commit(state, entry)
    if newest is None:
        return f"{effect}; this host's journals remember no snapshot, ask the store with `proofkeep snapshots`"
    age = (time.time_ns() - newest.source_at_ns) / _NS / _HOUR
    instant = spelled(datetime.fromtimestamp(newest.source_at_ns / _NS, UTC))
    incomplete = "" if newest.complete else ", **incomplete**"
    old = f"{age:.1f} hours old" if age > -1 else f"**{-age:.1f} hours ahead of this host's clock**"
    return f"{effect}; last committed here: `{newest.snapshot}` of {instant}, {old}{incomplete}"


def _entry(state: Path | None, left: Left | None, before: Sequence[FlowRun]) -> str | None:
    """The keyed id of the run's entry: the store's keys made it, and the store may be away."""
    if state is None or (left is not None and left.entry):
        return left.entry if left is not None else None
    remembered = (left_by(state, run.id.bytes) for run in before)
    return next((each.entry for each in remembered if each is not None and each.entry), None)


def _effect(verb: str, error: ProofkeepError) -> str:
    if isinstance(error, PartialSnapshotError):
        return "a snapshot was committed but is not complete: the age of the last complete one goes on growing"
    if verb == _BACKUP:
        return "stays where it was and grows older until a run commits"
    if verb == "verify" and isinstance(error, DamagedError):
        return "snapshots named under the findings may not restore whole"
    return "not moved by this failure, and not proven by it either"
