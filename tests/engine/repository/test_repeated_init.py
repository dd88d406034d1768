"""`init` dies anywhere and is repeated; what is not its own half repository is refused untouched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from proofkeep.chunking import ChunkSizes
from proofkeep.errors import KeyDeniedError, RepositoryExistsError
from proofkeep.format import names
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.local import LocalKeyProvider
from proofkeep.model import WrappedKey
from proofkeep.repository.recovery import recover
from tests.building import put
from tests.decorating import Crash, Fuse, WatchedStore
from tests.engine.repository.places import NOW_NS, Site, key_pair, unwrapping, wrapping

LATER_NS = NOW_NS + 10**12


def crash(site: Site, last: int | None, *, after: bool = False) -> Fuse:
    """`init` that dies at that step over both stores, or ends."""
    fuse = Fuse(last, after=after)
    stores = {name: WatchedStore(place, fuse) for name, place in (("store", site.store), ("ledger", site.ledger))}
    try:
        site.create(**stores)
    except Crash:
        assert fuse.blown
    return fuse


def interrupted(site: Site, before: str, *, ledger: bool = False) -> None:
    """`init` that dies just before the put of that name."""

    def around(operation: str, name: str, call: Callable[[], object]) -> object:
        if (operation, name) == ("put", before):
            raise Crash(name)
        return call()

    places = {"store": site.store, "ledger": site.ledger}
    which = "ledger" if ledger else "store"
    places[which] = WatchedStore(places[which], around)  # type: ignore[assignment]  # a store too
    with pytest.raises(Crash):
        site.create(**places)


def steps(root: Path) -> int:
    return crash(Site(root), None).steps


@pytest.mark.parametrize("after", [False, True])
def test_init_that_died_anywhere_is_repeated(tmp_path: Path, *, after: bool) -> None:
    total = steps(tmp_path / "whole")

    for last in range(1, total + 1):
        site = Site(tmp_path / f"{last}")
        crash(site, last, after=after)
        done = (site.root / "store" / names.DESCRIPTOR).exists()
        before = site.content()
        if done:
            with pytest.raises(RepositoryExistsError):
                site.create(now_ns=LATER_NS)
            assert site.content() == before
        else:
            site.create(now_ns=LATER_NS)
        repository = site.connect_with(site.secret.read_secret())
        assert site.ledger.get(names.DESCRIPTOR) == site.store.get(names.DESCRIPTOR)
        assert {name: body for name, body in site.content().items() if name in before} == before
        for key in site.keys:
            assert recover(site.store, site.ledger, [unwrapping(key)]) == site.secret.read_secret()
        assert repository.descriptor.recipients == tuple(wrapping(key).recipient for key in site.keys)

    assert total > 20


def test_repeated_init_adopts_id_and_epoch(site: Site) -> None:
    interrupted(site, names.DESCRIPTOR, ledger=True)
    epoch = site.store.get(names.epoch(1))

    repository = site.create(now_ns=LATER_NS)

    assert repository.id.hex().encode() in epoch
    assert site.store.get(names.epoch(1)) == epoch
    assert repository.descriptor.created_at_ns == NOW_NS


def test_other_options_are_taken_while_no_descriptor_was_written(site: Site) -> None:
    interrupted(site, names.DESCRIPTOR, ledger=True)

    assert site.create(lock_days=30).descriptor.lock_days == 30


@pytest.mark.parametrize(
    "options",
    [
        {"lock_days": 30},
        {"chunker": ChunkSizes(64, 256, 1024)},
        {"retention_key": b"other"},
        {"providers": [wrapping(key_pair())]},
    ],
)
def test_other_options_are_refused_once_the_ledger_has_its_descriptor(site: Site, options: dict[str, Any]) -> None:
    interrupted(site, names.DESCRIPTOR)
    before = site.content()

    with pytest.raises(RepositoryExistsError, match="other options"):
        site.create(**options)

    assert site.content() == before


@pytest.mark.parametrize("ledger", [False, True])
def test_other_host_secret_is_refused(site: Site, *, ledger: bool) -> None:
    interrupted(site, names.DESCRIPTOR, ledger=ledger)
    before = site.content()

    with pytest.raises(RepositoryExistsError, match="another host secret"):
        site.create(secret=create_host_secret(site.root / "other"))

    assert site.content() == before


@pytest.mark.parametrize(
    "name",
    [
        f"ledger/{'0' * 32}/00000000",
        f"packs/{'0' * 32}/{'0' * 32}/00000000",
        f"keys/{'0' * 32}/{'0' * 32}/{'0' * 32}.0001",
        f"index/{'0' * 32}/00000000",
        f"snapshots/{'0' * 32}/{'0' * 32}/{'0' * 32}.0001",
        f"locks/{'0' * 32}/00000000",
        f"retired/{'0' * 32}",
        "epochs/00000002",
    ],
)
@pytest.mark.parametrize("lost", ["store", "both"])
def test_repository_that_lost_its_descriptor_is_not_taken_for_a_half_one(site: Site, name: str, lost: str) -> None:
    site.create()
    put(site.ledger if name.startswith(names.LEDGER) else site.store, name, b"x")
    site.store.delete(names.DESCRIPTOR)
    if lost == "both":
        site.ledger.delete(names.DESCRIPTOR)
    before = site.content()

    with pytest.raises(RepositoryExistsError):
        site.create()

    assert site.content() == before


def test_ledger_of_another_repository_is_refused(site: Site, tmp_path: Path) -> None:
    other = Site(tmp_path / "other")
    other.create()
    put(site.ledger, names.DESCRIPTOR, other.ledger.get(names.DESCRIPTOR))

    with pytest.raises(RepositoryExistsError, match="already holds the ledger"):
        site.create()
    interrupted(other_store(site), names.DESCRIPTOR, ledger=True)
    with pytest.raises(RepositoryExistsError, match="another host secret, or damaged"):
        site.create()


def other_store(site: Site) -> Site:
    """The same store and secret beside an empty ledger."""
    beside = Site(site.root / "beside")
    beside.store, beside.secret, beside.keys = site.store, site.secret, site.keys
    return beside


@pytest.mark.parametrize("body", [b"", b'{"epoch":1,"v":1}'])
def test_damaged_epoch_is_refused(site: Site, body: bytes) -> None:
    put(site.store, names.epoch(1), body)

    with pytest.raises(RepositoryExistsError, match="or damaged"):
        site.create()

    assert site.content() == {names.epoch(1): body}


class Denied(LocalKeyProvider):
    """A recipient that this role may not wrap for."""

    def wrap_secret(self, _: bytes, __: object) -> WrappedKey:
        raise KeyDeniedError(f"{self.recipient} may not be wrapped for")


def test_recipient_that_cannot_be_wrapped_for_leaves_no_repository(site: Site) -> None:
    providers = [wrapping(site.keys[0]), Denied(ec.generate_private_key(ec.SECP384R1()).public_key())]

    with pytest.raises(KeyDeniedError):
        site.create(providers=providers)

    assert site.content() == {}
