"""Verify: chains, then objects, then records, last the kept host secret."""

import os

from proofkeep import events
from proofkeep.ledger import Heads, load_heads, save_heads
from proofkeep.ports import Cancelled, Progress
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.repository.retirement import read_retired
from proofkeep.state import RepositoryState
from proofkeep.verify.chains import verify_chains
from proofkeep.verify.expected import Expected
from proofkeep.verify.kept_secret import verify_kept_secret
from proofkeep.verify.objects import ObjectCheck, Reading
from proofkeep.verify.records import verify_records
from proofkeep.verify.report import Freshness, VerificationReport


def verify_here(
    repository: Repository,
    state: RepositoryState,
    *,
    expect: Heads | None = None,
    read: float = 0.0,
    cancelled: Cancelled = lambda: False,
    progress: Progress = silent,
) -> VerificationReport:
    """`verify` against what this host remembers as well; if nothing is wrong, it remembers the heads as they are now.

    Raises:
        MalformedError: what it remembers is malformed.
        StoreError, TransportError, CancelledError: as `verify`.
    """
    remembered = load_heads(state.heads_file)
    report, heads = verify(
        repository, expect=expect, remembered=remembered, read=read, cancelled=cancelled, progress=progress
    )
    if report.intact:
        save_heads(state.heads_file, heads)
    return report


def verify(
    repository: Repository,
    *,
    expect: Heads | None = None,
    remembered: Heads | None = None,
    read: float = 0.0,
    seed: bytes | None = None,
    cancelled: Cancelled = lambda: False,
    progress: Progress = silent,
) -> tuple[VerificationReport, Heads]:
    """Hold the stores against the ledger, and the ledger against heads known from elsewhere.

    Args:
        expect: heads the caller holds, e.g. from a commit receipt.
        remembered: heads this host remembers.
        read: fraction of packs to read back and hash, 0 to 1; small objects are read unless it is 0.
        seed: draws the packs; random by default.

    Returns:
        The report, and the heads as they are now; to be remembered only when the report is intact.

    Raises:
        StoreError, TransportError: it could not look.
        CancelledError.
    """
    report = VerificationReport(Freshness.NOT_PROVABLE, repository.ledger_shares_neighbourhood)
    expected = Expected()
    try:
        heads = verify_chains(repository, expected, expect or {}, remembered or {}, report, progress)
        retired, refused = read_retired(repository)
        report.findings.extend(refused)
        check = ObjectCheck(repository, expected, report, retired, cancelled, progress)
        check.run(Reading(read, seed or os.urandom(16)))
        verify_records(repository, expected, retired, report)
    finally:
        expected.close()
    if read < 1:
        report.not_tested.append(f"content of {100 - 100 * read:.0f} % of the packs was not read back")
    report.not_tested.append("frames were not opened: that needs the restore role (restore, drill)")
    verify_kept_secret(repository, report)
    events.emit(
        "verify",
        outcome="success" if report.failure is None else "failure",
        verdict=report.verdict,
        objects=report.objects,
        read=report.read,
        findings=len(report.findings),
    )
    return report, heads
