"""A failure that this host's history did not see begin: its process died first, waiting for a slot perhaps."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
from prefect.client.schemas.objects import FlowRun

from blocks import Repository, Source, load_block
from proofkeep import events
from proofkeep.configuration import Configuration
from proofkeep.errors import ProcessGoneError, ProofkeepError
from proofkeep.history import BACKUP, DRILL, VERIFY

_VERBS = {"backup": BACKUP, "verify": VERIFY, "restore_drill": DRILL}


def remember_failure(flow: str, run: FlowRun, error: ProcessGoneError) -> None:
    """Let the status show the run's failure as open, unless the history knows the run: it sees for itself who died.

    What the run was about may be unusable, which must keep nobody from telling its end; an event says so.
    """
    verb = _VERBS.get(flow)
    if verb is None:
        return
    try:
        configuration = _configuration(verb, run.parameters)
        with configuration.history() as history:
            known = any(attempt.run == run.id.hex for attempt in history.attempts(configuration.place))
        if not known:
            with suppress(ProcessGoneError), configuration.recorded(verb, _entries(verb, run.parameters), run.id.hex):
                raise error
    except (ProofkeepError, httpx.HTTPError) as trouble:
        events.emit("failure-not-recorded", outcome="failure", flow_run_id=str(run.id), kind=type(trouble).__name__)


def _configuration(verb: str, parameters: Mapping[str, Any]) -> Configuration:
    block = load_block(Repository, str(parameters.get("repository")))
    if verb != BACKUP:
        return block.configuration()
    source = load_block(Source, str(parameters.get("source")))
    return block.configuration(entry=str(parameters.get("entry")), source=source)


def _entries(verb: str, parameters: Mapping[str, Any]) -> list[str]:
    """The entries the run was about; none stands for all of the repository."""
    return [str(parameters.get("entry"))] if verb == BACKUP else list(parameters.get("entries") or [])
