"""The ledger against itself and against remembered heads."""

from proofkeep.errors import RollbackError
from proofkeep.ledger import START, Head, Heads, follow_chain, spell_head, writers
from proofkeep.ports import Progress
from proofkeep.repository import Repository
from proofkeep.verify.expected import Expected
from proofkeep.verify.report import Freshness, VerificationReport


def verify_chains(
    repository: Repository,
    expected: Expected,
    asked: Heads,
    remembered: Heads,
    report: VerificationReport,
    progress: Progress,
) -> Heads:
    """Read every chain from its start into `expected`; heads as they are now, before any fault. Faults are findings."""
    heads: Heads = {}
    for writer in writers(repository):
        head, holds = START, True
        for link in follow_chain(repository, writer):
            if link.fault is not None:
                holds = False
                report.find(link.fault.code, f"ledger of writer {writer.hex()}", str(link.fault))
            if holds:
                head = link.head
            if link.entry is None:
                continue
            report.entries += 1
            progress("ledger", entries=report.entries)
            for item in expected.add_entry(link.entry, link.head):
                report.find("ledger-mismatch", item.name, "two ledger entries state different checksums of it")
        heads[writer] = head
        report.heads.append(spell_head(writer, head))
    report.writers = len(heads)
    known = {**remembered, **asked}
    if known:
        report.freshness = Freshness.EXPECTED if asked else Freshness.REMEMBERED
    for writer, head in known.items():
        _require(expected, writer, head, report)
    return heads


def _require(expected: Expected, writer: bytes, head: Head, report: VerificationReport) -> None:
    if head.sequence >= 0 and not expected.holds_entry(writer, head.sequence, head.sha256):
        report.find(
            RollbackError.code,
            f"ledger of writer {writer.hex()}",
            f"entry {head.sequence} seen earlier is not in the chain: an older state was put back",
        )
