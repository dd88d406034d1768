"""Before a commit: is every pack the snapshot refers to in the store, with its size, and a data key that holds with it?

A listing and the keys themselves, not a memory.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import closing
from functools import partial
from heapq import merge
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from proofkeep import canonical, events
from proofkeep.catalog import Catalog
from proofkeep.damage import data_keys_among, packs_among
from proofkeep.errors import REFUSED, ObjectMissingError
from proofkeep.format import names
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import Row, decode_packs, encode_packs
from proofkeep.lookahead import parallel_map
from proofkeep.model import ObjectStat
from proofkeep.ports import ObjectStore
from proofkeep.repository import Repository
from proofkeep.repository.key_forms import open_form

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


_READERS = 8
_MOST_BYTES = 1 << 20
"""Of a form, a hundred times what any key service makes of a data key; a larger one is not read at all."""
_TRIES = 2
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


def confirm_keys(
    repository: Repository,
    packs: list[Row],
    damaged: Container[str] = (),
    tell: Callable[[int], None] = lambda _: None,
) -> list[PackId]:
    """Packs whose data key has no sound wrapped form: each is read, and its MAC checked, until one of the key holds.

    Forms known to be `damaged` do not count. A form is a few hundred bytes, and a data key is one run's.

    Args:
        tell: told of each key how many were looked at before; what it raises ends the search.

    Raises:
        StoreError, TransportError: a form could not be read, which says nothing of it.
    """
    forms = _listed_forms(repository.store, ((writer, data_key) for writer, data_key, _ in packs))
    kept = ([name for name in each if name not in damaged] for each in forms)
    lost: list[PackId] = []
    with closing(parallel_map(partial(_any_sound, repository), kept, workers=_READERS, depth=2 * _READERS)) as sound:
        for number, (row, held) in enumerate(zip(packs, sound, strict=True)):
            tell(number)
            if not held:
                lost.extend(decode_packs([row]))
    return lost


def distrusted_packs(run: "Backup") -> list[PackId]:
    """Packs on which nothing new relies: known to be damaged, or under a data key of which no sound form is left."""
    damaged = run.options.damaged
    under = (run.catalog.packs_under(*data_key) for data_key in data_keys_among(damaged))
    rows = encode_packs(chain.from_iterable(under))
    keyless = confirm_keys(run.repository, rows, frozenset(damaged), lambda _: run.underway.glance())
    return [*packs_among(damaged), *keyless]


def _listed_forms(store: ObjectStore, data_keys: Iterable[tuple[bytes, bytes]]) -> Iterator[list[str]]:
    """Of each data key (ascending) the names of its forms in a sorted listing of the store."""
    listing: Iterator[ObjectStat] | None = None
    stat = None
    for writer, data_key in data_keys:
        prefix = names.wrapped_keys(writer, data_key)
        if listing is None:
            listing = store.list(names.KEYS, after=prefix)
            stat = next(listing, None)
        while stat is not None and stat.name < prefix:
            stat = next(listing, None)
        found = []
        while stat is not None and stat.name.startswith(prefix):
            if stat.size <= _MOST_BYTES:
                found.append(stat.name)
            stat = next(listing, None)
        yield found


def _any_sound(repository: Repository, forms: list[str]) -> bool:
    """A form that does not hold is read again: for bits that turned on the way, no source should be."""
    return any(_is_sound(repository, name) for name in forms for _ in range(_TRIES))


def _is_sound(repository: Repository, form: str) -> bool:
    """One that the store does not give, whatever else it answers, is not called damaged here: verify looks closer."""
    try:
        open_form(repository, form, repository.store.get(form))
    except (*REFUSED, ObjectMissingError):
        return False
    return True


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
