"""What a failure does to the recovery point: the newest snapshot that this host remembers, and its age."""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from prefect.client.schemas.objects import FlowRun

from blocks import Repository, load_block
from flows.history import spelled
from proofkeep.aftermath import Left, Remembered, entry_of, last_commit
from proofkeep.attempts import BACKUP
from proofkeep.errors import DamagedError, PartialSnapshotError, ProofkeepError

_NS = 10**9
_HOUR = 3600
_OF_MANY = {"fleet", "apply", "status"}
_ASK = "ask the store with `proofkeep snapshots`"


def recovery_point(verb: str, run: FlowRun, state: Path | None, left: Mapping[str, Left], error: ProofkeepError) -> str:
    """What the failure does to the newest snapshot that this host remembers of the run's entries, and its age.

    Args:
        state: as `flows.standing.state_of` tells it.
        left: as `flows.standing.left_over` tells it.
    """
    if verb in _OF_MANY:
        return "of each entry: see the status, and the card of its own last run"
    effect = _effect(verb, error, left.get(run.id.hex))
    if state is None:
        return f"{effect}; which snapshot is the newest is not known without the repository block, {_ASK}"
    now = time.time_ns()
    newest = [last_commit(state, entries, now) for entries in _entries(run, state, left)]
    told = [_told(each, now, named=verb != BACKUP) for each in newest if each is not None]
    if not told:
        return f"{effect}; no journal that can be read here remembers a snapshot, {_ASK}"
    return f"{effect}; last committed here: {'<br>'.join(told)}"


def named_entries(run: FlowRun, left: Mapping[str, Left]) -> list[str]:
    """Names of the inventory entries that the run is about; none where it is about all of its repository."""
    given = run.parameters.get("entries")
    names = [run.parameters.get("entry"), *(given if isinstance(given, list) else [])]
    names += [of_run.name for of_run in left.values()]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _entries(run: FlowRun, state: Path, left: Mapping[str, Left]) -> list[Collection[str]]:
    """Keyed ids of each entry whose newest snapshot is told; of all in one where the run is about all of them."""
    own = {of_run.entry for of_run in left.values() if of_run.entry}
    if own:
        return [{entry} for entry in sorted(own)]
    known = _remembered(run, state)
    if names := named_entries(run, left):
        return [{known[name]} for name in names if name in known]
    return [set(known.values())]


def _remembered(run: FlowRun, state: Path) -> dict[str, str]:
    """Keyed ids of the entries that this host backed up into the run's repository, by their names.

    The state directory may serve another repository too, with entries of the same names.
    """
    known: dict[str, str] = {}
    with suppress(ProofkeepError, OSError):
        configuration = load_block(Repository, str(run.parameters.get("repository"))).configuration()
        with configuration.history(briefly=True) as history:
            attempts = history.attempts(configuration.place)
        for attempt in attempts:
            unknown = attempt.verb == BACKUP and not known.keys() >= set(attempt.entries)
            if unknown and (entry := entry_of(state, attempt.run)):
                known |= dict.fromkeys(attempt.entries, entry)
    return known


def _told(newest: Remembered, now: int, *, named: bool) -> str:
    age = (now - newest.source_at_ns) / _NS / _HOUR
    instant = spelled(datetime.fromtimestamp(newest.source_at_ns / _NS, UTC))
    incomplete = "" if newest.complete else ", **incomplete**"
    old = f"{age:.1f} hours old" if age > -1 else f"**{-age:.1f} hours ahead of this host's clock**"
    of = f"entry `{newest.name}`, " if named and newest.name else ""
    return f"{of}`{newest.snapshot}` of {instant}, {old}{incomplete}"


def _effect(verb: str, error: ProofkeepError, own: Left | None) -> str:
    if isinstance(error, PartialSnapshotError):
        return "a snapshot was committed but is not complete: the age of the last complete one goes on growing"
    if verb == BACKUP and own is not None and own.committed:
        return "this run had committed a snapshot before it failed"
    if verb == BACKUP:
        return "stays where it was and grows older until a run commits"
    if verb == "verify" and isinstance(error, DamagedError):
        return "snapshots named under the findings may not restore whole"
    return "not moved by this failure, and not proven by it either"
