"""Verifying a repository as a Prefect task."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from prefect import task

from proofkeep.damage import OnFound
from proofkeep.ledger import Heads
from proofkeep.model import Finding
from proofkeep.ports import Cancelled, Progress
from proofkeep.repository import Repository
from proofkeep.state import RepositoryState
from proofkeep.verify import verify_here
from tasks.boundary import only_our_errors
from tasks.kinds import REPEATABLE, Receipt


class Verification:
    """What the task works on; no dataclass, since Prefect walks into those and a repository holds keys.

    Args:
        expected: heads known from elsewhere.
        read: fraction of packs to read back, 0 to 1.
        known, names, on_found: as `proofkeep.verify.verify` has them.
    """

    def __init__(
        self,
        repository: Repository,
        state: RepositoryState,
        expected: Heads,
        read: float,
        known: Sequence[str],
        names: Mapping[bytes, str],
        *,
        on_found: OnFound,
        cancelled: Cancelled,
        progress: Progress,
    ) -> None:
        self.repository = repository
        self.state = state
        self.expected = expected
        self.read = read
        self.known = known
        self.names = names
        self.on_found = on_found
        self.cancelled = cancelled
        self.progress = progress


@task(name="verify_repository", **REPEATABLE)
def verify_repository(verification: Verification) -> Receipt:
    """Hold the stores against the ledger; remember the heads if nothing is wrong."""
    with only_our_errors("verify_repository"):
        report = verify_here(
            verification.repository,
            verification.state,
            expect=verification.expected,
            read=verification.read,
            known=verification.known,
            names=verification.names,
            on_found=verification.on_found,
            cancelled=verification.cancelled,
            progress=verification.progress,
        )
        judged = {"intact": report.intact, "verdict": report.verdict}
        return asdict(report) | judged | {"findings": without_names(report.findings)}


def without_names(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Findings as Prefect may hold them: codes, ids and details; never a file's name."""
    return [{"code": finding.code, "subject": finding.subject, "detail": finding.detail} for finding in findings]
