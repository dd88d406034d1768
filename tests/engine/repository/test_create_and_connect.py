"""A repository is made whole or not at all, and connected to only when everything about it holds."""

import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from proofkeep.chunking import ChunkSizes
from proofkeep.errors import (
    AuthenticationError,
    LedgerMismatchError,
    LedgerMissingError,
    LedgerPlacementError,
    PolicyError,
    ProofkeepError,
    RepositoryExistsError,
    RepositoryMissingError,
    UnsupportedVersionError,
)
from proofkeep.format import names
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.repository.connect import connect
from proofkeep.repository.create import create
from proofkeep.stores.local import LocalStore
from tests.building import Ground, put
from tests.decorating import Crash, Fuse, WatchedStore


@pytest.fixture
def ground(scratch: Path) -> Ground:
    return Ground(scratch / "ground")


@pytest.fixture
def places(scratch: Path) -> tuple[LocalStore, LocalStore]:
    """Two empty stores."""
    return LocalStore(scratch / "new-store"), LocalStore(scratch / "new-ledger")


def make(ground: Ground, store: Any, ledger: Any, **how: Any) -> Any:
    recipients = how.pop("recipients", [ground.wrapping.recipient])
    return create(store, ledger, ground.secret, recipients, now_ns=ground.now(), **how)


def test_what_was_made_is_what_is_connected_to(ground: Ground, places: tuple[LocalStore, LocalStore]) -> None:
    made = make(ground, *places, chunker=ChunkSizes(512, 2048, 4096), lock_days=30)

    found = connect(*places, ground.secret)

    assert found.descriptor == made.descriptor
    assert (found.keys.ids, found.keys.current, found.keys.entry) == (
        made.keys.ids,
        made.keys.current,
        made.keys.entry,
    )
    assert found.descriptor.capabilities.refuses_second_create
    assert {stat.name for stat in places[0].list("")} == {"repository", names.epoch(1)}
    assert {stat.name for stat in places[1].list("")} == {"repository"}


@pytest.mark.parametrize("other", ["store", "ledger"])
def test_nothing_is_made_over_what_exists(ground: Ground, places: tuple[LocalStore, LocalStore], other: str) -> None:
    pair = (ground.store, places[1]) if other == "store" else (places[0], ground.ledger)
    before = ground.names(), ground.names("ledger")

    with pytest.raises(RepositoryExistsError):
        make(ground, *pair)

    assert (ground.names(), ground.names("ledger")) == before
    assert [stat.name for place in places for stat in place.list("")] == []


def test_ledger_in_the_place_of_the_packs_is_refused(ground: Ground, scratch: Path) -> None:
    store = LocalStore(scratch / "a")
    (scratch / "a/below").mkdir(parents=True)

    for ledger in (LocalStore(scratch / "a"), LocalStore(scratch / "a/below")):
        with pytest.raises(LedgerPlacementError):
            make(ground, store, ledger)
        with pytest.raises(LedgerPlacementError):
            make(ground, ledger, store)


@pytest.mark.requires("mount", "umount", root=True)
@pytest.mark.parametrize("ledger", ["", "below", "not/made"])
def test_ledger_that_a_mount_puts_among_the_packs_is_refused(ground: Ground, scratch: Path, ledger: str) -> None:
    packs, mounted = scratch / "packs", scratch / "elsewhere"
    (packs / "below").mkdir(parents=True)
    (packs / "not").mkdir()
    mounted.mkdir()
    subprocess.run(["mount", "--bind", packs, mounted], check=True)
    try:
        with pytest.raises(LedgerPlacementError):
            make(ground, LocalStore(packs), LocalStore(mounted / ledger))
    finally:
        subprocess.run(["umount", mounted], check=True)
    assert sorted(path.name for path in packs.rglob("*")) == ["below", "not"]


def test_ledger_beside_the_packs_is_told_apart_by_more_than_its_first_letters(ground: Ground, scratch: Path) -> None:
    repository = make(ground, LocalStore(scratch / "packs"), LocalStore(scratch / "packs-ledger"))

    assert repository.ledger_shares_neighbourhood


def test_repository_without_recipients_is_refused(ground: Ground, places: tuple[LocalStore, LocalStore]) -> None:
    with pytest.raises(PolicyError, match="recipient"):
        make(ground, *places, recipients=[])


@pytest.mark.parametrize(
    "sizes", [ChunkSizes(0, 1, 2), ChunkSizes(9, 8, 10), ChunkSizes(1, 9, 8), ChunkSizes(1, 2, (8 << 20) + 1)]
)
def test_chunk_sizes_that_no_frame_could_hold_are_refused(
    ground: Ground, places: tuple[LocalStore, LocalStore], sizes: ChunkSizes
) -> None:
    with pytest.raises(PolicyError, match="chunks"):
        make(ground, *places, chunker=sizes)


def test_creation_that_dies_at_any_step_leaves_nothing_that_is_taken_for_a_repository(
    ground: Ground, scratch: Path
) -> None:
    for last in range(1, 60):
        fuse = Fuse(last)
        inner = LocalStore(scratch / f"s{last}"), LocalStore(scratch / f"l{last}")
        with suppress(Crash):
            make(ground, *(WatchedStore(place, fuse) for place in inner))
        if not fuse.blown:
            assert connect(*inner, ground.secret).keys.newest == 1
            return
        with pytest.raises(RepositoryMissingError):
            connect(*inner, ground.secret)
    raise AssertionError("creation has more steps than were tried")


def test_empty_place_holds_no_repository(ground: Ground, places: tuple[LocalStore, LocalStore]) -> None:
    with pytest.raises(RepositoryMissingError):
        connect(*places, ground.secret)


def test_repository_without_its_ledger_is_refused(ground: Ground, places: tuple[LocalStore, LocalStore]) -> None:
    with pytest.raises(LedgerMissingError):
        connect(ground.store, places[1], ground.secret)


def test_ledger_of_another_repository_is_refused(ground: Ground, scratch: Path) -> None:
    with pytest.raises(LedgerMismatchError):
        connect(ground.store, Ground(scratch / "another").ledger, ground.secret)


def test_secret_of_another_repository_is_refused(ground: Ground, scratch: Path) -> None:
    with pytest.raises(AuthenticationError):
        connect(ground.store, ground.ledger, create_host_secret(scratch / "another-secret"))


def rewrite(ground: Ground, change: Callable[[dict[str, Any]], Any], *names_of: str) -> None:
    """Change members of a JSON object in place, as who owns the directory could."""
    for name in names_of:
        for place in ("store", "ledger"):
            file = ground.root / place / name
            if file.exists():
                document = json.loads(file.read_bytes())
                change(document)
                file.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))


CHANGES: dict[str, tuple[str, Callable[[dict[str, Any]], Any], type[ProofkeepError]]] = {
    "version": ("repository", lambda members: members.update(v=2), UnsupportedVersionError),
    "recipients": ("repository", lambda members: members["recipients"].append("p384:00"), AuthenticationError),
    "retention key": ("repository", lambda members: members.update(retention_key=None), AuthenticationError),
    "capabilities": (
        "repository",
        lambda members: members["capabilities"].update(refuses_second_create=False),
        AuthenticationError,
    ),
    "epoch's random": (names.epoch(1), lambda members: members.update(random="00" * 32), AuthenticationError),
    "epoch's version": (names.epoch(1), lambda members: members.update(v=7), UnsupportedVersionError),
    "epoch's mac": (names.epoch(1), lambda members: members.update(mac="00" * 32), AuthenticationError),
}


@pytest.mark.parametrize("name, change, error", CHANGES.values(), ids=CHANGES)
def test_altered_descriptor_or_epoch_is_refused(
    ground: Ground, name: str, change: Callable[[dict[str, Any]], Any], error: type[ProofkeepError]
) -> None:
    rewrite(ground, change, name)

    with pytest.raises(error):
        ground.connect()


def test_repository_without_its_first_epoch_is_refused(ground: Ground) -> None:
    ground.store.delete(names.epoch(1))

    with pytest.raises(AuthenticationError, match="first epoch"):
        ground.connect()


@pytest.mark.parametrize("name", ["epochs/00000001.old", "epochs/zz", "epochs/1", "epochs/x/y"])
def test_what_has_no_epochs_name_is_none(ground: Ground, name: str) -> None:
    put(ground.store, name, b"junk")

    assert ground.connect().keys.current.epoch == 1
