"""Before a commit: is every pack the snapshot refers to in the store, with its size, and its data key with it?

A listing, not a memory.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.format import names
from proofkeep.format.names import PackId
from proofkeep.ports import ObjectStore

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


def confirm_packs(store: ObjectStore, packs: Sequence[tuple[PackId, int]]) -> list[PackId]:
    """Packs (ascending, with sizes) that a sorted listing of the store does not show with their size."""
    if not packs:
        return []
    gone = []
    listing = store.list(names.PACKS, after=packs[0][0].name[:-1])
    stat = next(listing, None)
    for pack, size in packs:
        while stat is not None and stat.name < pack.name:
            stat = next(listing, None)
        if stat is None or stat.name != pack.name or stat.size != size:
            gone.append(pack)
    return gone


def confirm_keys(store: ObjectStore, packs: Sequence[tuple[PackId, int]]) -> list[PackId]:
    """Packs (ascending, with sizes) whose data key a sorted listing of the store shows in no wrapped form."""
    if not packs:
        return []
    lost: list[PackId] = []
    listing = store.list(names.KEYS, after=names.wrapped_keys(packs[0][0].writer, packs[0][0].data_key))
    stat = next(listing, None)
    for (writer, data_key), group in groupby(packs, key=lambda pack: (pack[0].writer, pack[0].data_key)):
        prefix = names.wrapped_keys(writer, data_key)
        while stat is not None and stat.name < prefix:
            stat = next(listing, None)
        if stat is None or not stat.name.startswith(prefix):
            lost.extend(pack for pack, _ in group)
    return lost


def drop_and_reopen(run: "Backup", packs: list[PackId]) -> None:
    """Forget packs everywhere on this host and begin a new generation, which sends their chunks again.

    The next record withdraws this generation's if that was ever made: its put may have arrived without an answer.
    """
    snapshot = run.snapshot_id
    with run.journal.transaction():
        if any(run.journal.objects("name=?", (snapshot.name,))):
            run.journal.set_fact("withdrawn", [*(run.journal.fact("withdrawn") or ()), snapshot.generation])
        run.journal.reopen_without(packs)
    run.catalog.drop_packs(packs)
    events.emit("packs-dropped", outcome="failure", snapshot=snapshot.short, packs=len(packs))
