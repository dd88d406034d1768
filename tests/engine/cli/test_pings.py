"""The command line tells the configured monitor of each verb, and a monitor that is away on standard error."""

from collections.abc import Iterator

import pytest

from tests.engine.cli.places import Place
from tests.servers.pki import Pki
from tests.servers.receiver import Receiver


@pytest.fixture
def monitor(pki: Pki) -> Iterator[Receiver]:
    with Receiver(pki.server) as receiver:
        yield receiver


def test_verbs_tell_their_monitor_and_a_failure_its_code(place: Place, monitor: Receiver, pki: Pki) -> None:
    top = place.sections[""]
    place.configure(top=f'{top}\nping_url = "{monitor.url}/{{verb}}"', tls=f'ca_file = "{pki.ca_path}"')
    place.done("init")
    totals = place.done("backup")["totals"]
    code = place.run("verify").code
    place.source.rename(place.root / "moved")
    failed = place.run("backup")

    assert monitor.paths == [
        "/backup/start",
        "/backup",
        "/verify/start",
        "/verify" if code == 0 else "/verify/fail",
        "/backup/start",
        "/backup/fail",
    ]
    assert monitor.received[1].document["counts"] == totals
    assert failed.code == 1
    assert monitor.received[-1].document == {"verb": "backup", "code": "source-unavailable"}


def test_monitor_that_is_away_is_told_and_the_backup_commits(place: Place, pki: Pki) -> None:
    top = place.sections[""]
    place.configure(top=f'{top}\nping_url = "https://127.0.0.1:9/x"', tls=f'ca_file = "{pki.ca_path}"')
    place.done("init")

    ended = place.run("backup")

    assert ended.code == 0, ended.err
    assert "proofkeep: ping of success was not sent: ConnectionRefusedError" in ended.err


def test_address_in_clear_is_refused(place: Place) -> None:
    top = place.sections[""]
    place.configure(top=f'{top}\nping_url = "http://monitor.example/x"')

    assert "[tls-policy]" in place.run("backup").err
