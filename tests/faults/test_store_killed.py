"""An S3 server that is killed while a pack's bytes arrive, and started again: nothing is lost, nothing sent twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.servers.seaweedfs import SeaweedFs
from proofkeep.errors import ProofkeepError, StoreUnavailableError
from proofkeep.format.names import DESCRIPTOR, PACKS
from proofkeep.repository import Repository
from tests.building import Host, content, plant
from tests.decorating import Puts, WatchedStore
from tests.faults.halfway import halfway
from tests.faults.left import assert_listed_and_removable, assert_nothing_left, journaled
from tests.faults.remote import RemoteGround
from tests.scenarios.test_killed import assert_nothing_stored_twice
from tests.servers.pki import Pki
from tests.servers.s3_client import s3_client
from tests.waiting import until

MIB = 1 << 20
RUN = bytes(range(16))


@pytest.fixture
def server(tmp_path: Path, pki: Pki) -> Iterator[SeaweedFs]:
    """A server that this test may kill."""
    own = SeaweedFs(tmp_path / "seaweedfs", pki.ca_path, pki.server).start()
    yield own
    own.stop()


@pytest.fixture
def host(server: SeaweedFs, pki: Pki, tmp_path: Path) -> Host:
    """A host with eight packs' worth of new content, on a repository at that server."""
    api = s3_client(server.url, server.region, server.admin.access_key, server.admin.secret_key, pki.ca_path)
    buckets = ("packs", "ledger")
    for bucket in buckets:
        api.create_bucket(Bucket=bucket)
    made = Host(RemoteGround(tmp_path / "ground", server=server, pki=pki, buckets=buckets))
    plant(made.source, {f"f{number}": content(number, MIB) for number in range(8)})
    return made


@contextmanager
def killed_within_pack(server: SeaweedFs, number: int) -> Iterator[list[str]]:
    """The server dies when half of the `number`th pack has been sent; names of packs that came as far."""
    begun: list[str] = []

    def sent_half(name: str) -> None:
        if name not in begun:
            begun.append(name)
        if len(begun) == number:
            server.stop()

    with halfway(sent_half):
        yield begun


def counted(host: Host, puts: Puts) -> Repository:
    return host.ground.connect(
        store=WatchedStore(host.ground.store, puts), ledger=WatchedStore(host.ground.ledger, puts)
    )


def digests(host: Host) -> dict[str, bytes]:
    """SHA-256 of the packs that the run has sealed, by name; asked of this host alone."""
    return {pack.id.name: pack.sha256 for pack in journaled(host.state_root, RUN)}


def serves(host: Host) -> bool:
    """A server that was just started answers before it has found its volumes."""
    try:
        host.ground.store.get(DESCRIPTOR)
    except StoreUnavailableError:
        return False
    return True


def test_killed_store_is_told_as_unavailable_and_a_retry_after_its_restart_sends_the_rest(
    host: Host, server: SeaweedFs
) -> None:
    puts, again = Puts(), Puts()
    repository = counted(host, puts)
    with killed_within_pack(server, 3) as begun, pytest.raises(ProofkeepError) as failed:
        host.run(RUN, repository=repository, pack_size=MIB, spool_limit=64 * MIB, senders=1)
    sealed, arrived = digests(host), set(puts.names)
    assert_listed_and_removable(host.state_root, RUN)
    with pytest.raises(ProofkeepError) as still_down:
        host.run(RUN, repository=repository)
    server.start()
    until(lambda: serves(host), "the volumes that hold the repository have come back to their server")

    snapshot = host.run(RUN, repository=counted(host, again), pack_size=MIB, senders=1).snapshot

    assert (failed.value.code, still_down.value.code) == (StoreUnavailableError.code,) * 2
    assert begun[2] not in arrived
    assert len([name for name in arrived if name.startswith(PACKS)]) == 2
    assert [found.id.short for found in host.ground.snapshots()] == [snapshot]
    assert_nothing_left(host.state_root)
    assert sealed.items() <= digests(host).items()
    assert set(host.ground.names(PACKS)) == set(digests(host)), "no orphan, and none is missing"
    assert {puts.tried[name] for name in arrived} == set(again.tried.values()) == {1}
    assert arrived.isdisjoint(again.tried)
    assert_nothing_stored_twice(host)
    portrait, report = host.ground.restored(snapshot)
    assert portrait == host.portrait()
    assert report.intact
