"""Huge objects where small ones are expected: refused by their size, told like any other damage, never read."""

import os
from pathlib import Path

import pytest

from proofkeep.errors import ProofkeepError, RollbackError, TruncatedError
from proofkeep.verify import verify_here
from tests.building import Host, planted_host

HUGE = 1 << 40


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    host.run()
    return host


def grow(host: Host, prefix: str) -> Path:
    """Let the last object below a prefix have a size that no memory holds; the file is sparse."""
    place = host.ground.root / ("ledger" if prefix == "ledger/" else "store")
    file = place / host.ground.names(prefix)[-1]
    os.truncate(file, HUGE)
    return file


@pytest.mark.parametrize("prefix", ["ledger/", "index/", "keys/", "snapshots/"])
def test_verify_tells_a_huge_object_and_goes_on(host: Host, prefix: str) -> None:
    grow(host, prefix)

    report = verify_here(host.ground.connect(), host.state, read=1.0)

    assert {finding.code for finding in report.findings} & {TruncatedError.code, RollbackError.code}
    assert report.objects > 1


@pytest.mark.parametrize("prefix", ["ledger/", "epochs/", "repository"])
def test_backup_refuses_what_it_would_have_to_read(host: Host, prefix: str) -> None:
    grow(host, prefix)

    with pytest.raises(ProofkeepError) as refused:
        host.run()

    assert refused.value.code in {TruncatedError.code, RollbackError.code}
