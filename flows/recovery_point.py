"""What a failure does to the recovery point: the newest snapshot that this host remembers, and its age."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from prefect.client.schemas.objects import FlowRun

from flows.history import spelled
from proofkeep.aftermath import Left, last_commit, left_by
from proofkeep.errors import DamagedError, PartialSnapshotError, ProofkeepError

_NS = 10**9
_HOUR = 3600
_BACKUP = "backup"
_OF_MANY = {"fleet", "apply", "status"}
_ASK = "ask the store with `proofkeep snapshots`"


def recovery_point(
    verb: str, state: Path | None, left: Left | None, before: Sequence[FlowRun], error: ProofkeepError
) -> str:
    """What the failure does to the newest snapshot that this host remembers, and that snapshot's age.

    Args:
        state: as `flows.standing.state_of` tells it.
        left: what this run left.
        before: earlier runs of its entry; one of their journals names the entry where this run has none yet.
    """
    if verb in _OF_MANY:
        return "of each entry: see the status, and the card of its own last run"
    effect = _effect(verb, error)
    if state is None:
        return f"{effect}; which snapshot is the newest is not known without the repository block, {_ASK}"
    entry = _entry(state, left, before) if verb == _BACKUP else None
    now = time.time_ns()
    newest = None if verb == _BACKUP and entry is None else last_commit(state, entry, now)
    if newest is None:
        return f"{effect}; no journal that can be read here remembers a snapshot, {_ASK}"
    age = (now - newest.source_at_ns) / _NS / _HOUR
    instant = spelled(datetime.fromtimestamp(newest.source_at_ns / _NS, UTC))
    incomplete = "" if newest.complete else ", **incomplete**"
    old = f"{age:.1f} hours old" if age > -1 else f"**{-age:.1f} hours ahead of this host's clock**"
    return f"{effect}; last committed here: `{newest.snapshot}` of {instant}, {old}{incomplete}"


def _entry(state: Path, left: Left | None, before: Sequence[FlowRun]) -> str | None:
    """The keyed id of the run's entry: the store's keys made it, and the store may be away."""
    if left is not None and left.entry:
        return left.entry
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
