"""A verify on a host that remembers no head: content is intact, freshness nobody knows, and that is no pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr

from flows.backup import backup
from flows.status import status
from flows.verify import verify
from tests.flows.house import House, store_documents
from tests.flows.running import artifacts, message, run_here, run_here_again
from tests.servers.pki import Pki
from tests.servers.receiver import Receiver


@dataclass(frozen=True)
class Elsewhere:
    """A repository as a host knows it that has never looked at it.

    Attributes:
        name: of its block there.
        monitor: what its pings go to.
    """

    house: House
    name: str
    monitor: Receiver

    def verified(self) -> FlowRun:
        return run_here(verify, {"repository": self.name})

    def seen(self) -> FlowRun:
        """The status there."""
        return run_here(status, {"repository": self.name})


@pytest.fixture
def elsewhere(make_house: Callable[..., House], pki: Pki) -> Iterator[Elsewhere]:
    house = make_house(tls={"ca_file": str(pki.ca_path)})
    house.fill(1)
    run = run_here(backup, house.parameters())
    assert run.state_name == "Completed", message(run)
    with Receiver(pki.server) as monitor:
        name = f"{house.name}-elsewhere"
        there = {"state": str(house.root / "another-state"), "ping_url": SecretStr(f"{monitor.url}/{{verb}}")}
        store_documents(name, house.block.model_copy(update=there))
        yield Elsewhere(house, name, monitor)


def test_run_fails_says_what_is_not_known_and_passes_when_it_is_retried(elsewhere: Elsewhere) -> None:
    run = elsewhere.verified()
    card, bad = artifacts(run.id)["markdown"], elsewhere.seen()
    again = run_here_again(verify, run)
    good = elsewhere.seen()

    assert run.state_name == "Failed"
    assert "repository is intact, but no head was known to hold its ledger against [not-proven]" in message(run)
    assert "**freshness that nobody can prove** (`not-proven`" in card
    assert "**Then:** compare the heads below" in card
    assert "| verdict | **intact, freshness not provable** |" in card
    assert bad.state_name == "Attention"
    assert "not-proven" in message(bad)
    assert (again.state_name, message(again)) == ("Completed", "intact")
    assert good.state_name == "Completed", message(good)


def test_monitor_is_not_told_of_a_success(elsewhere: Elsewhere) -> None:
    elsewhere.verified()
    elsewhere.verified()

    assert elsewhere.monitor.paths == ["/verify/start", "/verify/fail", "/verify/start", "/verify"]
    assert elsewhere.monitor.received[1].document["code"] == "not-proven"


def test_failure_that_was_open_stays_open(elsewhere: Elsewhere) -> None:
    packs = elsewhere.house.root / "store" / "packs"
    pack = max((file for file in packs.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    aside = pack.rename(elsewhere.house.root / "aside")
    damaged = elsewhere.verified()
    aside.rename(pack)
    elsewhere.verified()
    unknown = elsewhere.seen()
    passed = elsewhere.verified()

    assert "[damaged]" in message(damaged)
    assert damaged.id.hex in artifacts(unknown.id)["markdown"]
    assert passed.state_name == "Completed", message(passed)
    assert elsewhere.seen().state_name == "Completed"
