"""One run's trouble keeps no other run from being handled, and is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
from prefect.client.schemas.objects import FlowRun

from proofkeep import events
from proofkeep.errors import ProofkeepError
from tasks.boundary import in_our_words


@dataclass(frozen=True, slots=True)
class Trouble:
    """A flow run that could not be handled.

    Attributes:
        id: None where it was about no run of its own.
    """

    id: UUID | None
    name: str
    error: ProofkeepError


@contextmanager
def apart(run: FlowRun | None, troubles: list[Trouble], what: str = "") -> Iterator[None]:
    """Whatever is raised within is told and added to `troubles`, but that the server is away, which is every run's.

    Args:
        what: it is about, where that is no run.

    Raises:
        httpx.TransportError: the server does not answer.
    """
    try:
        yield
    except httpx.TransportError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever one run brings up, the others have to be handled
        told = in_our_words("reconcile", error)
        trouble = Trouble(None, what, told) if run is None else Trouble(run.id, run.name, told)
        named = {} if run is None else {"flow_run_id": str(run.id)}
        events.emit("flow-run-reconcile", outcome="failure", code=told.code, **named)
        troubles.append(trouble)
