"""When a task is tried again, and by which key Prefect finds the result of an earlier attempt."""

from hashlib import sha256
from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import Task

from proofkeep.backup import Backup
from proofkeep.errors import ProofkeepError
from proofkeep.journal import Transfer

FIRST_DELAY_SECONDS = 2.0
LONGEST_DELAY_SECONDS = 16.0  # a cancelled run waits for a pending delay, and is killed after 30 s
JITTER = 0.5
RETRIES = 4


def ask_the_error(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Retry what the engine calls retryable."""
    error = state.data
    return isinstance(error, ProofkeepError) and error.retryable


def delays(retries: int) -> list[float]:
    """Seconds before each retry, doubling up to a limit; Prefect adds the jitter."""
    return [min(FIRST_DELAY_SECONDS * 2**number, LONGEST_DELAY_SECONDS) for number in range(retries)]


def transfer_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """Cache key of a step that one transfer goes through."""
    transfer: Transfer = parameters["transfer"]
    return _key(context, parameters["backup"], transfer.digest)


def commit_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """Cache key of the commit: over all transfers."""
    backup: Backup = parameters["backup"]
    digests = "".join(transfer.digest for transfer in backup.transfers())
    return _key(context, backup, sha256(digests.encode()).hexdigest())


def _key(context: TaskRunContext, backup: Backup, digest: str) -> str:
    """Task, run, generation, digest, destination: Prefect's own inputs policy would let `verify` hit `upload`."""
    location = backup.repository.store.location
    destination = sha256(f"{location.kind}\0{location.place}".encode()).hexdigest()
    run = backup.identity.run.hex()
    return f"{context.task.name}-{run}-{backup.journal.generation}-{digest[:32]}-{destination[:16]}"
