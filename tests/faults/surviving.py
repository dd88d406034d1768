"""One run under faults and its retry: commit or a clear failure, then everything once and bit for bit."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from proofkeep.errors import ProofkeepError, StateFullError
from proofkeep.format.names import PACKS
from proofkeep.journal import Journal
from tests.building import Host
from tests.faults.left import assert_abandon_removes, listed, spooled
from tests.faults.proxy import FaultProxy
from tests.faults.remote import IMPATIENT, PATIENT, RemoteGround
from tests.faults.script import Fault, Rule

RUN = bytes(range(16))
KINDS = (
    "GET repository",
    "GET epochs",
    "HEAD epochs",
    "LIST",
    "PUT keys",
    "HEAD keys",
    "PUT packs",
    "HEAD packs",
    "PUT index",
    "HEAD index",
    "PUT ledger",
    "HEAD ledger",
    "PUT snapshots",
    "HEAD snapshots",
)
WITH_BODY = tuple(kind for kind in KINDS if kind.startswith("PUT"))
ANSWERED_WITH_BODY = tuple(kind for kind in KINDS if kind == "LIST" or kind.startswith("GET"))
BITES_AT = {
    Fault.CUT_UP: WITH_BODY,
    Fault.CORRUPT_UP: WITH_BODY,
    Fault.CUT_DOWN: ANSWERED_WITH_BODY,
    Fault.CORRUPT_DOWN: ANSWERED_WITH_BODY,
}
"""Kinds of request to which a fault does something; all of them, of a fault that is not named."""

NEVER_ANSWERED = {Fault.STALL, Fault.LATE, Fault.THROTTLE}
BROKEN_LINE = {"store-unavailable", "transfer-failed"}
MAY_SAY = {
    Fault.CORRUPT_UP: BROKEN_LINE | {"digest-refused"},
    Fault.CORRUPT_DOWN: BROKEN_LINE | {"authentication", "malformed", "ledger-mismatch", "store"},
}
"""Codes that are no lie about a fault; `BROKEN_LINE`, of one that is not named."""


@dataclass(frozen=True)
class Ended:
    """How one attempt of the run ended.

    Attributes:
        snapshot: that it committed; None when it failed in our words.
        code: of its error; empty for a commit.
    """

    snapshot: str | None = None
    code: str = ""


def remote(host: Host) -> RemoteGround:
    """The host's ground."""
    assert isinstance(host.ground, RemoteGround)
    return host.ground


def journaled(host: Host) -> Counter[str]:
    """Packs that the run has sealed, as far as it came."""
    file = host.state.run(RUN) / "journal.sqlite"
    if not file.exists():
        return Counter()
    try:
        with closing(Journal(file, briefly=True)) as journal:
            return Counter(pack.id.name for pack in journal.packs())
    except StateFullError:
        return Counter()  # its tables found no room


def attempt(host: Host, line: FaultProxy, url: str | None = None) -> Ended:
    """One run by the line, or by another address of it."""
    patience = IMPATIENT if any(rule.fault in NEVER_ANSWERED for rule in line.script.rules) else PATIENT
    try:
        return Ended(host.run(RUN, repository=remote(host).connect_by(url or line.url, patience)).snapshot)
    except ProofkeepError as error:
        return Ended(code=error.code)


def assert_listed_and_removable(host: Host, committed: str | None) -> None:
    """What a failed run has sealed is in the status, all of it, and goes by the command that this names."""
    if committed is not None or not (packs := journaled(host)):
        assert listed(host) == {}
        return
    (left,) = listed(host).values()
    assert left.run == RUN.hex()
    assert left.ended or left.waiting + left.stored == packs.total()
    assert left.spool_bytes == spooled(host)
    assert_abandon_removes(host, RUN)


def survive(host: Host, line: FaultProxy, *rules: Rule) -> Ended:
    """Run under faults, then again without if that failed; the first one's code must not lie."""
    line.play(*rules)
    first = outlive(host, line, line.play)
    assert first.code in {""}.union(*(MAY_SAY.get(rule.fault, BROKEN_LINE) for rule in rules))
    return first


def outlive(host: Host, line: FaultProxy, mend: Callable[[], object], url: str | None = None) -> Ended:
    """Run under the line's script, then again once `mend` was called, if that failed."""
    first = attempt(host, line, url)
    assert line.script.hit, f"no request was hit; seen were {line.script.seen}"
    sealed, sent = journaled(host), dict(line.stored)
    assert_listed_and_removable(host, first.snapshot)
    mend()
    snapshot = first.snapshot or attempt(host, line, url).snapshot

    assert snapshot is not None
    assert [found.id.short for found in host.ground.snapshots()] == [snapshot]
    portrait, report = host.ground.restored(snapshot)
    assert portrait == host.portrait()
    assert report.intact
    assert sealed <= journaled(host), "what was sealed is not sealed again"
    assert set(host.ground.names(PACKS)) == set(journaled(host)), "no orphan, and none is missing"
    assert {path: count for path, count in line.stored.items() if count != 1} == {}, "nothing is sent twice"
    assert sent.items() <= line.stored.items()
    assert (listed(host), spooled(host)) == ({}, 0), "nothing is left over"
    return first
