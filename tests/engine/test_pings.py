"""A monitor is told of start, success and failure, in codes and counts; what it does never matters to the run."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from proofkeep.errors import SourceEmptyError, StoreUnavailableError, TlsPolicyError, UsageError
from proofkeep.pings import ATTEMPTS, BACKUP, Pings, pinged, require_address
from proofkeep.tls import TlsPolicy
from tests.servers.pki import Pki
from tests.servers.receiver import Receiver


@pytest.fixture
def monitor(pki: Pki) -> Iterator[Receiver]:
    with Receiver(pki.server) as receiver:
        yield receiver


@pytest.fixture
def pings(monitor: Receiver, pki: Pki) -> Pings:
    return Pings(f"{monitor.url}/secret-key/home", TlsPolicy(pki.ca_path), wait_seconds=0)


def test_success_is_told_with_counts_and_one_id_for_both_pings(monitor: Receiver, pings: Pings) -> None:
    with pinged(pings, BACKUP, pytest.fail) as ping:
        ping.counts = {"files": 3}

    assert monitor.paths == ["/secret-key/home/start", "/secret-key/home"]
    assert [each.document for each in monitor.received] == [
        {"verb": "backup"},
        {"verb": "backup", "counts": {"files": 3}},
    ]
    (first, last) = (each.query["rid"] for each in monitor.received)
    assert first == last


def test_failure_is_told_by_its_code_alone(monitor: Receiver, pings: Pings) -> None:
    with pytest.raises(StoreUnavailableError), pinged(pings, BACKUP, pytest.fail):
        raise StoreUnavailableError("bucket payroll is away")

    assert monitor.paths[1] == "/secret-key/home/fail"
    assert monitor.received[1].document == {"verb": "backup", "code": "store-unavailable"}


def test_incomplete_snapshot_is_a_failure(monitor: Receiver, pings: Pings) -> None:
    with pinged(pings, BACKUP, pytest.fail) as ping:
        ping.code = "partial-snapshot"

    assert monitor.paths[1] == "/secret-key/home/fail"


@pytest.mark.parametrize("error,code", [(KeyboardInterrupt, "cancelled"), (RuntimeError, "unexpected")])
def test_end_without_a_code_of_ours_is_a_failure(
    error: type[BaseException], code: str, monitor: Receiver, pings: Pings
) -> None:
    with pytest.raises(error), pinged(pings, BACKUP, pytest.fail):
        raise error

    assert monitor.received[1].document["code"] == code


def test_monitor_that_is_overloaded_is_asked_again(monitor: Receiver, pings: Pings) -> None:
    monitor.statuses.extend([503, 500])

    with pinged(pings, BACKUP, pytest.fail):
        pass

    assert monitor.paths == ["/secret-key/home/start"] * ATTEMPTS + ["/secret-key/home"]


def test_ping_that_fails_is_told_and_an_event_and_ends_nothing(monitor: Receiver, pings: Pings) -> None:
    monitor.statuses.extend([404])
    told: list[str] = []

    with capture_logs() as events, pinged(pings, BACKUP, told.append):
        pass

    assert told == ["ping of start was not sent: status 404"]
    assert [(each["event"], each["outcome"]) for each in events] == [("ping", "failure"), ("ping", "success")]
    assert "secret-key" not in str(events) + str(told) + repr(pings)


def test_monitor_that_nobody_vouches_for_gets_no_byte(pki: Pki) -> None:
    told: list[str] = []
    with (
        Receiver(pki.rogue_server) as rogue,
        pinged(Pings(rogue.url, TlsPolicy(pki.ca_path), wait_seconds=0), BACKUP, told.append),
    ):
        pass

    assert rogue.received == []
    assert told == [f"ping of {what} was not sent: peer-identity" for what in ("start", "success")]


def test_monitor_that_is_away_ends_nothing(pki: Pki) -> None:
    told: list[str] = []

    with pinged(Pings("https://127.0.0.1:9/x", TlsPolicy(pki.ca_path), wait_seconds=0), BACKUP, told.append):
        pass

    assert told == [f"ping of {what} was not sent: ConnectionRefusedError" for what in ("start", "success")]


def test_verify_does_not_pass_for_a_backup(monitor: Receiver, pings: Pings) -> None:
    with pinged(pings, "verify", pytest.fail):
        pass
    with pinged(replace(pings, address=f"{monitor.url}/home-{{verb}}"), "verify", pytest.fail):
        pass

    assert monitor.paths == ["/home-verify/start", "/home-verify"]


@pytest.mark.parametrize(
    "address,error",
    [
        ("http://monitor.example/x", TlsPolicyError),
        ("https://user:secret@monitor.example/x", UsageError),
        ("https://monitor.example/x?key=secret", UsageError),
        ("https://monitor.example/{entry}", UsageError),
    ],
)
def test_address_that_may_not_be_used_is_refused_before_the_run(address: str, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        require_address(address)

    assert "secret" not in str(raised.value)


def test_failure_of_the_run_is_raised_whatever_its_ping_does(pki: Pki) -> None:
    away = Pings("https://127.0.0.1:9/x", TlsPolicy(pki.ca_path), wait_seconds=0)

    with pytest.raises(SourceEmptyError), pinged(away, BACKUP, lambda _: None):
        raise SourceEmptyError("source holds nothing below its root")
