"""Before a commit: is every pack the snapshot refers to in the store, with its size, and its data key with it?

A listing, not a memory.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from heapq import merge
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from proofkeep import canonical, events
from proofkeep.catalog import Catalog
from proofkeep.format import names
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import Row, decode_packs
from proofkeep.ports import ObjectStore

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


_TELL_EVERY = 1000
GONE = "gone from the store"
RETIRED = "retired"
"""What became of a pack that is in the store still, but not for long."""


def confirm_packs(
    store: ObjectStore, packs: Iterable[tuple[PackId, int | None]], tell: Callable[[int], None] = lambda _: None
) -> list[PackId]:
    """Packs (ascending, with sizes) that a sorted listing of the store does not show with their size.

    `tell` is told now and then how many were looked for.
    """
    packs = iter(packs)
    first = next(packs, None)
    if first is None:
        return []
    gone = []
    listing = store.list(names.PACKS, after=first[0].name[:-1])
    stat = next(listing, None)
    for number, (pack, size) in enumerate(chain([first], packs)):
        if number % _TELL_EVERY == 0:
            tell(number)
        while stat is not None and stat.name < pack.name:
            stat = next(listing, None)
        if stat is None or stat.name != pack.name or stat.size != size:
            gone.append(pack)
    return gone


def confirm_keys(store: ObjectStore, packs: Iterable[PackId], damaged: Container[str] = ()) -> list[PackId]:
    """Packs (ascending) whose data key a sorted listing of the store shows in no wrapped form but `damaged` ones."""
    packs = iter(packs)
    first = next(packs, None)
    if first is None:
        return []
    lost: list[PackId] = []
    listing = store.list(names.KEYS, after=names.wrapped_keys(first.writer, first.data_key))
    stat = next(listing, None)
    for (writer, data_key), group in groupby(chain([first], packs), key=lambda pack: (pack.writer, pack.data_key)):
        prefix = names.wrapped_keys(writer, data_key)
        while stat is not None and (stat.name < prefix or stat.name in damaged):
            stat = next(listing, None)
        if stat is None or not stat.name.startswith(prefix):
            lost.extend(group)
    return lost


def referred_packs(run: "Backup", stored: bytes) -> Iterator[tuple[PackId, int | None]]:
    """Every pack that a run's snapshot refers to, with its size, in the order of names; few of them in memory.

    Args:
        stored: the pack set of those that were in the repository before; a size is None where the catalog lost one.
    """
    own = ((pack.id, pack.size) for pack in run.journal.packs())
    before = None
    for pack, size in merge(own, _stored_packs(run.catalog, stored), key=itemgetter(0)):
        if pack != before:
            yield pack, size
        before = pack


def _stored_packs(catalog: Catalog, stored: bytes) -> Iterator[tuple[PackId, int | None]]:
    sizes = catalog.pack_sizes()
    known = next(sizes, None)
    for pack in decode_packs(canonical.from_msgpack(stored, list[Row], "journal's pack set")):
        while known is not None and known[1] < pack:
            known = next(sizes, None)
        yield pack, known[2] if known is not None and known[1] == pack else None


def drop_and_reopen(run: "Backup", packs: list[PackId], why: str) -> None:
    """Forget packs everywhere on this host and begin a new generation, which sends their chunks again.

    The next record withdraws this generation's if that was ever made: its put may have arrived without an answer.
    """
    snapshot = run.snapshot_id.short
    reopen(run, packs, why)
    run.catalog.drop_packs(packs)
    events.emit("packs-dropped", outcome="failure", snapshot=snapshot, packs=len(packs))


def reopen(run: "Backup", packs: list[PackId], why: str) -> None:
    """As `drop_and_reopen`, but for the catalog: who restores may still find these packs there."""
    snapshot = run.snapshot_id
    with run.journal.transaction():
        if any(run.journal.objects("name=?", (snapshot.name,))):
            run.journal.set_fact("withdrawn", [*(run.journal.fact("withdrawn") or ()), snapshot.generation])
        run.journal.reopen_without(packs, why)
