"""A failure that this host's history did not see begin: its process died first, or its blocks could not be used."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from prefect.client.schemas.objects import FlowRun

from blocks import Repository, Source, load_block
from flows.runs import nanoseconds
from proofkeep import events
from proofkeep.attempts import BACKUP, DRILL, VERIFY, Attempt
from proofkeep.configuration import Configuration
from proofkeep.configuration.entry_name import is_entry_name
from proofkeep.errors import CancelledError, ProofkeepError, UsageError
from tasks.boundary import only_our_errors

_VERBS = {"backup": BACKUP, "verify": VERIFY, "restore_drill": DRILL}


@contextmanager
def remembering(flow: str, run: FlowRun) -> Iterator[None]:
    """What a flow does before its attempt is recorded: the status shows its failure as open all the same.

    Raises:
        ProofkeepError: as `only_our_errors`.
    """
    try:
        with only_our_errors(flow):
            yield
    except ProofkeepError as error:
        remember_failure(flow, run, error)
        raise


def remember_failure(flow: str, run: FlowRun, error: ProofkeepError) -> None:
    """Let the status show the run's failure as open, unless the history knows the run: it sees for itself who died."""
    verb = _VERBS.get(flow)
    if verb is None:
        return
    with _keeping_nobody(run):
        entries = _entries(verb, run.parameters)
        if verb == BACKUP and not all(map(is_entry_name, entries)):
            return  # no run of it can ever close it
        configuration = _configuration(verb, run.parameters)
        with configuration.history() as history:
            attempts = history.attempts(configuration.place)
        if not any(each.run == run.id.hex or _makes_good(each, verb, entries, run) for each in attempts):
            with configuration.recorded(verb, entries, run.id.hex) as recording:
                recording.failure = error


def remember_cancelled(flow: str, run: FlowRun, error: CancelledError, at: datetime) -> None:
    """Let the status say of a run that had to be killed what its card says; one that ended by itself has said so.

    Args:
        at: when somebody cancelled it.
    """
    if (verb := _VERBS.get(flow)) is not None:
        with _keeping_nobody(run), _configuration(verb, run.parameters).history() as history:
            history.end_killed(run.id.hex, error, nanoseconds(at))


@contextmanager
def _keeping_nobody(run: FlowRun) -> Iterator[None]:
    """What the run was about may be unusable, which must keep nobody from telling its end; an event says so."""
    try:
        yield
    except Exception as trouble:  # noqa: BLE001 - parameters that fit no flow raise anything, and must hide no card
        events.emit("failure-not-recorded", outcome="failure", flow_run_id=str(run.id), kind=type(trouble).__name__)


def _makes_good(attempt: Attempt, verb: str, entries: list[str], run: FlowRun) -> bool:
    """Whether what the run was about has succeeded since it died; nothing of the future has: its clock was wrong."""
    died = run.end_time or run.start_time
    if died is None or attempt.verb != verb or attempt.code != "":
        return False
    if not died.timestamp() * 1e9 <= attempt.began <= time.time_ns():
        return False
    return not attempt.entries or (bool(entries) and set(entries) <= set(attempt.entries))


def _configuration(verb: str, parameters: Mapping[str, Any]) -> Configuration:
    block = load_block(Repository, str(parameters.get("repository")))
    if verb != BACKUP:
        return block.configuration()
    try:
        source = load_block(Source, str(parameters.get("source")))
        return block.configuration(entry=str(parameters.get("entry")), source=source)
    except UsageError:  # which may be what the run failed by; its entry is listed if it was ever backed up here
        return block.configuration()


def _entries(verb: str, parameters: Mapping[str, Any]) -> list[str]:
    """The entries the run was about; none stands for all of the repository."""
    return [str(parameters.get("entry"))] if verb == BACKUP else list(parameters.get("entries") or [])
