"""Sending what an abandoned run left, as a Prefect task."""

from dataclasses import asdict
from typing import Any

from prefect import task

from proofkeep.configuration import Configuration
from proofkeep.ports import Cancelled, Progress
from proofkeep.repository import Repository
from proofkeep.state import RepositoryState
from proofkeep.unfinished import UnfinishedRun
from tasks.boundary import only_our_errors
from tasks.kinds import REPEATABLE, Receipt


class Resuming:
    """What the task works on; no dataclass, since Prefect walks into those and a repository holds keys.

    Args:
        left: the abandoned run.
    """

    def __init__(
        self,
        configuration: Configuration,
        repository: Repository,
        state: RepositoryState,
        left: UnfinishedRun,
        *,
        cancelled: Cancelled,
        progress: Progress,
    ) -> None:
        self._configuration = configuration
        self._repository = repository
        self._state = state
        self._left = left
        self._how: dict[str, Any] = {"cancelled": cancelled, "progress": progress}

    def run(self) -> Receipt:
        """What came of it; raises as `Configuration.resume`."""
        done = self._configuration.resume(self._repository, self._state, self._left, None, **self._how)
        return asdict(done)


@task(name="resume", **REPEATABLE)
def resume(resuming: Resuming) -> Receipt:
    """Send and prove what one abandoned run had sealed; commit its snapshot where only that was missing."""
    with only_our_errors("resume"):
        return resuming.run()
