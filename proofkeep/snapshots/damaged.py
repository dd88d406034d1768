"""What reading a snapshot showed to be damaged, so told that who looks at the same thing later can say it is mended.

A pack or wrapped key that is not what the ledger says is damaged for everybody, and a verify sees it mended; what such
a key would open is not told besides. One that is, and yet does not open, was sealed so: only who opens it sees that.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from proofkeep.damage import OnFound, unread, within
from proofkeep.errors import IntegrityError, ObjectMissingError, ProofkeepError
from proofkeep.format import names
from proofkeep.format.ledger_entry import StoredObject
from proofkeep.ledger import follow_chain, writers
from proofkeep.ports import Progress
from proofkeep.repository import Repository
from proofkeep.repository.stored import read_digest, telling_unreadable
from proofkeep.snapshots.chunks import ChunkStore
from proofkeep.snapshots.data_keys import DataKeys

NO_INDEX = "chunks that no index names"
_MOST_READ = 64  # packs; that so many do not open is no fault of their sealing


class ReadBack:
    """Which objects are not in the store as the ledger says, as far as that can be told; each is read once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._altered: dict[str, bool] = {}

    def altered(self, objects: Collection[str]) -> set[str]:
        """Those of them that are not; the ledger is followed where one was not asked for before."""
        with suppress(ProofkeepError):
            self._read({name for name in objects if name not in self._altered})
        return {name for name in objects if self._altered.get(name)}

    def _read(self, objects: Collection[str]) -> None:
        stated: dict[str, StoredObject] = {}
        for writer in writers(self._repository) if objects else ():
            for link in follow_chain(self._repository, writer):
                if link.entry is not None:
                    stated |= {item.name: item for item in link.entry.objects if item.name in objects}
        for name in objects:
            self._altered[name] = name not in stated or not self._holds(stated[name])

    def _holds(self, item: StoredObject) -> bool:
        """Raises what says nothing of the object."""
        store = self._repository.store
        try:
            with telling_unreadable(store, item.name):
                found = read_digest(store, item.name, item.version_id)
        except (IntegrityError, ObjectMissingError):
            return False
        return found == (item.sha256, item.length)


def damage_met(back: ReadBack, chunks: ChunkStore, data_keys: DataKeys, snapshot: str) -> list[str]:
    """What did not hold of what was read by now, as `proofkeep.damage` spells it; reads it back where it is little.

    Args:
        snapshot: `<run>.<generation>`, the one that was read.
    """
    refused = data_keys.refused
    keys = back.altered(refused)
    packs = [name for name in _packs(chunks, chunks.damaged) if not _explained(name, refused, keys)]
    altered = set(packs) if len(packs) > _MOST_READ else back.altered(packs)
    told = [name if name in altered else within(name, snapshot) for name in packs]
    return [*sorted(keys), *told, *_unfound(chunks.damaged, snapshot)]


def damage_unread(chunks: ChunkStore, snapshot: str) -> list[str]:
    """The same without reading anything back, where reading was cut."""
    return _unread(chunks, snapshot, chunks.damaged)


@contextmanager
def telling_when_cut(chunks: ChunkStore, snapshot: str, on_found: OnFound) -> Iterator[None]:
    """Within, a snapshot is read: where that is cut, `on_found` is told what did not hold by then."""
    try:
        yield
    except BaseException:
        on_found(damage_unread(chunks, snapshot))
        raise


@contextmanager
def telling_damage(chunks: ChunkStore, snapshot: str, on_found: OnFound, progress: Progress) -> Iterator[Progress]:
    """The same, and what does not hold is told at the next progress: whoever is killed has told it by then.

    Yields what progress has to be told to.
    """
    told: set[int | None] = set()

    def tell() -> None:
        if new := chunks.damaged - told:
            on_found(_unread(chunks, snapshot, new))
            told.update(new)

    def telling(step: str, **counts: int) -> None:
        tell()
        progress(step, **counts)

    try:
        yield telling
    except BaseException:
        tell()
        raise


def _unread(chunks: ChunkStore, snapshot: str, damaged: Collection[int | None]) -> list[str]:
    packs = (unread(name, snapshot) for name in _packs(chunks, damaged))
    return [*packs, *_unfound(damaged, snapshot)]


def _packs(chunks: ChunkStore, damaged: Collection[int | None]) -> list[str]:
    return sorted(chunks.pack_name(number) for number in damaged if number is not None)


def _unfound(damaged: Collection[int | None], snapshot: str) -> list[str]:
    return [within(NO_INDEX, snapshot)] if None in damaged else []


def _explained(pack: str, refused: Sequence[str], altered: Collection[str]) -> bool:
    """Whether it does not open because its data key is altered, in each form of it that did not hold."""
    known = names.parse_pack(pack)
    forms = [form for form in refused if form.startswith(names.wrapped_keys(known.writer, known.data_key))]
    return bool(forms) and all(form in altered for form in forms)
