"""What a host does no more is forgotten when somebody says so, and by nothing else."""

from proofkeep.attempts import former
from proofkeep.errors import UsageError
from proofkeep.history import History


def forget(history: History, served: str, *, entry: str | None = None, repository: str | None = None) -> None:
    """Forget an entry of the served repository, or another repository, that this host uses no more, with its failures.

    Args:
        served: where the repository lies that the host is asked about: a later success closes its failures.
        repository: where it lay.

    Raises:
        UsageError: nothing of it is remembered, or it is the one that is served.
    """
    if repository in {served, former(served)}:
        raise UsageError(f"repository at {repository!r} is served by this host: a later success closes its failures")
    if repository is not None:
        history.forget_place(repository)
    if entry is not None:
        history.forget(entry, served)
