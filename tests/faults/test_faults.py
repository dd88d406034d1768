"""Whatever a line or a store does: commit or a clear failure, and after a retry everything once and bit for bit."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from infra.servers.seaweedfs import SeaweedFs
from tests.building import Host, Portrait, small_frames
from tests.faults.proxy import FaultProxy
from tests.faults.script import FOR_EVER, LAST, MIDDLE, Fault, Rule
from tests.faults.surviving import BITES_AT, KINDS, Ended, attempt, names, outlive, remote, survive
from tests.servers.pki import Pki

FILES_CONTENT = 11  # its place in a portrait's node, which others do not have
STATUSES = (429, 500, 503)
PLACES = {"first": 0, "head": 60, "middle": MIDDLE, "last": LAST}
"""Bytes of a body at which a line is cut, or a bit changes."""

SMALL_SPOOL = 40 << 10  # less than a host's source

MakeHost = Callable[[], Host]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Fault.REFUSE, "PUT packs", times=2),
        Rule(Fault.STALL, "PUT packs"),
        Rule(Fault.CUT_UP, "PUT packs", first=2, at=5000),
        Rule(Fault.CUT_DOWN, "LIST", at=0),
        Rule(Fault.CUT_DOWN, "LIST", first=2, at=100),
        Rule(Fault.STATUS, "PUT packs", times=3, status=503),
        Rule(Fault.STATUS, "LIST", first=3, status=500),
        Rule(Fault.STATUS, "PUT snapshots", status=429),
        Rule(Fault.LATE, "PUT packs"),
        Rule(Fault.LATE, "PUT snapshots"),
        Rule(Fault.CORRUPT_UP, "PUT packs", at=3000),
        Rule(Fault.CORRUPT_DOWN, "GET epochs", at=40),
        Rule(Fault.STATUS, "GET keys", times=3, status=503),
        Rule(Fault.CUT_DOWN, "GET keys", at=100),
        Rule(Fault.CORRUPT_DOWN, "GET keys", at=100),
        Rule(Fault.THROTTLE, "PUT packs", times=FOR_EVER),
    ],
    ids=lambda rule: (
        f"{rule.fault.name} {rule.kind} {rule.status if rule.fault is Fault.STATUS else rule.at or ''}".strip()
    ),
)
def test_run_survives(rule: Rule, make_host: MakeHost, line: FaultProxy) -> None:
    survive(make_host(), line, rule)


@pytest.mark.parametrize("kind", ["PUT packs", "HEAD packs", "GET keys"])
def test_run_fails_while_nothing_is_taken_or_proven_and_commits_when_the_line_is_mended(
    kind: str, make_host: MakeHost, line: FaultProxy
) -> None:
    first = survive(make_host(), line, Rule(Fault.STATUS, kind, times=FOR_EVER))

    assert first == Ended(code="store-unavailable")


@pytest.mark.parametrize("kind", ["PUT packs", "HEAD packs"])
def test_run_whose_source_its_spool_does_not_hold_goes_on_reading_it(
    kind: str, make_host: MakeHost, line: FaultProxy
) -> None:
    host = make_host()
    host.options = replace(host.options, spool_limit=SMALL_SPOOL)
    line.play(Rule(Fault.STATUS, kind, times=FOR_EVER))

    with small_frames():
        assert outlive(host, line, line.play) == Ended(code="spool-full")


@pytest.mark.parametrize(
    "answered,code",
    [
        ("ExpiredToken", "store-credentials"),
        ("InvalidAccessKeyId", "store-credentials"),
        ("AccessDenied", "store-denied"),
    ],
)
@pytest.mark.parametrize("kind", ["PUT packs", "GET keys", "PUT ledger"])
def test_right_that_ends_in_the_middle_of_a_run_is_told_and_nothing_is_sent_twice(
    kind: str, answered: str, code: str, make_host: MakeHost, line: FaultProxy
) -> None:
    line.play(Rule(Fault.STATUS, kind, times=FOR_EVER, status=403, code=answered))

    assert outlive(make_host(), line, line.play) == Ended(code=code)


def test_certificate_that_expired_between_two_attempts_stops_the_second_and_costs_nothing(
    make_host: MakeHost, line: FaultProxy, seaweedfs: SeaweedFs, pki: Pki
) -> None:
    host = make_host()

    def expire_once() -> None:
        sealed = names(host)
        line.play()
        with FaultProxy(seaweedfs.url, replace(pki, server=pki.expired)) as expired:
            assert attempt(host, line, expired.url) == Ended(code="peer-identity")
            assert expired.script.seen == {}, "no request passes"
        assert names(host) == sealed

    line.play(Rule(Fault.STATUS, "PUT index", times=FOR_EVER))
    assert outlive(host, line, expire_once) == Ended(code="store-unavailable")


def test_store_whose_name_is_gone_from_dns_is_unreachable_and_costs_nothing(
    make_host: MakeHost, line: FaultProxy
) -> None:
    host = make_host()

    def go_once() -> None:
        line.play()
        assert attempt(host, line, "https://gone.invalid") == Ended(code="store-unavailable")

    line.play(Rule(Fault.STATUS, "PUT ledger", times=FOR_EVER))
    assert outlive(host, line, go_once) == Ended(code="store-unavailable")


def test_restore_never_takes_a_corrupted_byte(make_host: MakeHost, line: FaultProxy) -> None:
    host = make_host()
    snapshot = host.run().snapshot
    direct = host.ground.store, host.ground.ledger
    line.play(Rule(Fault.CORRUPT_DOWN, "GET packs", at=400))
    host.ground.store, host.ground.ledger = remote(host).stores(line.url)  # type: ignore[assignment] # as the ground's

    portrait, report = host.ground.restored(snapshot)

    host.ground.store, host.ground.ledger = direct
    assert line.script.hit
    assert portrait == host.portrait() or not report.intact
    assert contents(portrait).items() <= contents(host.portrait()).items()


def contents(portrait: Portrait) -> dict[bytes, bytes]:
    """What the files of a portrait hold."""
    return {path: node[FILES_CONTENT] for path, node in portrait.items() if len(node) > FILES_CONTENT}


@pytest.mark.soak
@pytest.mark.parametrize("times", [1, 3, FOR_EVER], ids=["once", "thrice", "for ever"])
@pytest.mark.parametrize(
    "fault,kind,at",
    [
        pytest.param(fault, kind, at, id=f"{fault.name} {kind} {where}".strip())
        for fault in Fault
        if fault is not Fault.STATUS  # below, with each status
        for kind in BITES_AT.get(fault, KINDS)
        for where, at in (PLACES if fault in BITES_AT else {"": 0}).items()
    ],
)
def test_run_survives_every_fault_at_every_kind_of_request(
    fault: Fault, kind: str, at: int, times: int, make_host: MakeHost, line: FaultProxy
) -> None:
    survive(make_host(), line, Rule(fault, kind, times=times, at=at))


@pytest.mark.soak
@pytest.mark.parametrize("times", [2, FOR_EVER], ids=["twice", "for ever"])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", KINDS)
def test_run_survives_every_status_at_every_kind_of_request(
    kind: str, status: int, times: int, make_host: MakeHost, line: FaultProxy
) -> None:
    survive(make_host(), line, Rule(Fault.STATUS, kind, times=times, status=status))
