"""One run under faults and its retry: commit or a clear failure, then everything once and bit for bit."""

from collections.abc import Callable
from dataclasses import dataclass

from proofkeep.errors import ProofkeepError
from proofkeep.format.names import PACKS
from tests.building import Host
from tests.faults.left import assert_listed_and_removable, assert_nothing_left, journaled
from tests.faults.proxy import FaultProxy
from tests.faults.remote import IMPATIENT, PATIENT, RemoteGround
from tests.faults.script import Fault, Rule
from tests.scenarios.test_killed import assert_nothing_stored_twice

RUN = bytes(range(16))
KINDS = (
    "GET repository",
    "GET epochs",
    "HEAD epochs",
    "LIST",
    "PUT keys",
    "HEAD keys",
    "GET keys",
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
    Fault.CORRUPT_DOWN: tuple(kind for kind in ANSWERED_WITH_BODY if kind != "GET keys"),
}
"""Kinds of request to which a fault does something; all of them, of a fault that is not named.

A form of a data key that comes back damaged twice is damaged to the run: it seals anew what lies under it.
"""

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


def names(host: Host) -> set[str]:
    """Of packs that the run has sealed, as far as it came."""
    return {pack.id.name for pack in journaled(host.state_root, RUN)}


def attempt(host: Host, line: FaultProxy, url: str | None = None) -> Ended:
    """One run by the line, or by another address of it."""
    patience = IMPATIENT if any(rule.fault in NEVER_ANSWERED for rule in line.script.rules) else PATIENT
    try:
        return Ended(host.run(RUN, repository=remote(host).connect_by(url or line.url, patience)).snapshot)
    except ProofkeepError as error:
        return Ended(code=error.code)


def survive(host: Host, line: FaultProxy, *rules: Rule) -> Ended:
    """Run under faults, then again without if that failed; the first one's code must not lie."""
    line.play(*rules)
    first = outlive(host, line, line.play)
    assert first.code in {""}.union(*(MAY_SAY.get(rule.fault, BROKEN_LINE) for rule in rules)), first.code
    return first


def outlive(host: Host, line: FaultProxy, mend: Callable[[], object], url: str | None = None) -> Ended:
    """Run under the line's script, then again once `mend` was called, if that failed."""
    first = attempt(host, line, url)
    assert line.script.hit, f"no request was hit; seen were {line.script.seen}"
    sealed, sent = names(host), dict(line.stored)
    seen = [found.id.short for found in host.ground.snapshots()]
    if seen:
        assert_restores(host, *seen)
    if first.snapshot is None:
        assert_listed_and_removable(host.state_root, RUN)
    mend()
    snapshot = first.snapshot or attempt(host, line, url).snapshot

    assert snapshot is not None
    assert seen in ([], [snapshot]), "a run that failed has committed, or shows nothing"
    assert [found.id.short for found in host.ground.snapshots()] == [snapshot]
    assert_restores(host, snapshot)
    assert sealed <= names(host), "what was sealed is kept"
    assert_nothing_stored_twice(host)
    assert set(host.ground.names(PACKS)) == names(host), "no orphan, and none is missing"
    assert set(line.stored.values()) == {1}
    packs = {path: count for path, count in line.passed.items() if f"/{PACKS}" in path}
    assert set(packs.values()) <= {1}, "no pack is sent twice"
    assert sent.items() <= line.stored.items()
    assert_nothing_left(host.state_root)
    return first


def assert_restores(host: Host, snapshot: str) -> None:
    """Bit for bit, and with nothing to remark."""
    portrait, report = host.ground.restored(snapshot)
    assert portrait == host.portrait()
    assert report.intact
