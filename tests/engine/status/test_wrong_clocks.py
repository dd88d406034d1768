"""A host's clock was two days ahead for a while: what is open goes by the order of attempts, not by what it said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofkeep.attempts import BACKUP, DRILL, VERIFY, Attempt
from proofkeep.errors import StoreError
from proofkeep.history import History
from tests.building import Host, planted_host
from tests.engine.status.test_open_failures import HOUR_NS, B, attempt, codes, judged

AHEAD_NS = 48 * HOUR_NS


def ahead(number: int, **fields: Any) -> Attempt:
    """An attempt on a host whose clock is two days ahead, until the next one begins."""
    right = attempt(number, **fields)
    instant = None if right.source_at is None else right.source_at + AHEAD_NS
    return replace(right, began=right.began + AHEAD_NS, ended=right.at + AHEAD_NS, source_at=instant)


@pytest.mark.parametrize("verb", [BACKUP, VERIFY, DRILL])
def test_success_under_a_clock_that_was_ahead_closes_no_later_failure(verb: str) -> None:
    assert codes(ahead(1, verb=verb, run=B), attempt(2, verb=verb, code="damaged")) == ["damaged"]


@pytest.mark.parametrize("verb", [BACKUP, VERIFY, DRILL])
def test_failure_under_a_clock_that_was_ahead_is_closed_by_the_next_success(verb: str) -> None:
    assert codes(ahead(1, verb=verb, code="damaged"), attempt(2, verb=verb, run=B)) == []


def test_retry_that_sends_what_was_read_under_a_clock_ahead_closes_no_other_runs_failure() -> None:
    read = ahead(1, run=B, code="store")
    retry = attempt(3, run=B, source_at=read.began + 1)

    assert codes(read, attempt(2, code="spool-full"), retry) == ["spool-full"]


def test_run_that_went_on_while_another_failed_is_judged_by_its_instant() -> None:
    beside = attempt(1, run=B, order=30, ended=900, source_at=201)

    assert codes(beside, attempt(2, code="store")) == []


def test_run_that_the_history_met_after_it_had_read_closes_nothing_younger() -> None:
    assert codes(attempt(1, code="store"), attempt(2, run=B, source_at=50)) == ["store"]


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


@pytest.mark.parametrize("hours_later", [1, 50])
def test_snapshot_read_under_a_clock_ahead_closes_no_failure_that_came_after_it(host: Host, hours_later: int) -> None:
    receipt = host.run()
    run, instant = receipt.snapshot[:32], host.ground.snapshots()[0].facts.source_at
    right = instant - AHEAD_NS
    with (
        History(host.state_root, lambda: instant) as history,
        history.recording(BACKUP, "place", [host.entry], run) as recording,
    ):
        recording.source_at = instant
    with (
        History(host.state_root, lambda: right + HOUR_NS) as history,
        pytest.raises(StoreError),
        history.recording(BACKUP, "place", [host.entry], B),
    ):
        raise StoreError("store is away")

    assert "store" in judged(host, now_ns=right + hours_later * HOUR_NS).codes
