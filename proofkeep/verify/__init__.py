"""The verb `verify`: what the stores hold against what the ledger says. Findings are values; needs host keys only."""

from proofkeep.verify.affected import affected_files
from proofkeep.verify.report import Freshness, VerificationReport
from proofkeep.verify.run import verify, verify_here

__all__ = ["Freshness", "VerificationReport", "affected_files", "verify", "verify_here"]
