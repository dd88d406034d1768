"""Ledger entries for what a run stored, and the closing entry that an earlier run owes."""

import json
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from proofkeep import events
from proofkeep.backup.chain import Chain
from proofkeep.errors import MalformedError
from proofkeep.format import names
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.journal import MOST_PACKS, JournalObject, JournalPack
from proofkeep.ledger import Head
from proofkeep.repository.stored import exists, place, prove, read_digest
from proofkeep.state import malformed, replace_file, telling

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

_KINDS = {"key": "key", "index": "index", "record": "record"}


class Vouching:
    """Appends a run's entries to its writer's chain; made and used under the ledger lock."""

    def __init__(self, run: "Backup") -> None:
        self._run = run
        self._repository = run.repository
        self._journal = run.journal
        self._chain = Chain(run)

    # --- entries of a run

    def append(self, generation: int) -> Head:
        """Entries for everything of this run that no entry names yet; the chain's head behind them."""
        if not any(self._kept("ledger", generation)):
            with self._journal.transaction():
                head = self._chain.head
                for entry in self._entries():
                    head = self._keep("ledger", entry, head)
        self._chain.place(self._kept("ledger", generation))
        return self._chain.head

    def _kept(self, kind: str, generation: int) -> Iterator[JournalObject]:
        return self._journal.objects("kind=? AND generation=?", (kind, generation))

    def _entries(self) -> Iterator[LedgerEntry]:
        packs = self._journal.unindexed_packs()
        keys = [item for item in self._journal.objects("kind='key'") if not self._named_before(item)]
        for (_, data_key), group in groupby(packs, key=lambda pack: (pack.transfer, pack.id.data_key)):
            mine = [item for item in keys if f"/{data_key.hex()}/" in item.name]
            keys = [item for item in keys if item not in mine]
            stored = map(_stored_object, mine)  # these go into the first one
            while part := [*stored, *map(_stored_pack, islice(group, MOST_PACKS))]:
                yield self._entry("transfer", part, self._session(data_key))
        for data_key, forms in groupby(keys, key=_data_key):
            yield self._entry("transfer", [*map(_stored_object, forms)], self._session(data_key))
        indexes = [*map(_stored_object, self._kept("index", self._journal.generation))]
        if indexes:
            yield self._entry("index", indexes, None)

    def _named_before(self, key: JournalObject) -> bool:
        return key.name in set(self._journal.fact("ledgered_keys") or ())

    def _session(self, data_key: bytes) -> dict[str, Any]:
        recipients = []
        for item in self._journal.objects("kind='key'"):
            if f"/{data_key.hex()}/" in item.name:
                document = json.loads(item.body)
                recipients.append({name: document[name] for name in ("recipient", "material_id", "request_id")})
        return {"data_key": data_key.hex(), "recipients": recipients}

    def _entry(self, kind: str, objects: list[StoredObject], session: dict[str, Any] | None) -> LedgerEntry:
        identity = self._run.identity
        facts = {
            "id": identity.run.hex(),
            "entry": self._run.entry.hex(),
            "generation": self._journal.generation,
            "host": identity.host,
            "identity": identity.identity,
            "software": identity.software,
            "lock": identity.lock,
            "orchestrator": identity.orchestrator,
        }
        heads = {
            writer: (head.sequence, head.sha256)
            for writer, head in self._run.catalog.heads().items()
            if writer != self._run.writer
        }
        epoch = self._repository.keys.current.epoch
        return LedgerEntry(
            self._run.writer, 0, epoch, self._run.clock(), kind, b"", tuple(objects), facts, session, heads
        )

    def _keep(self, kind: str, entry: LedgerEntry, head: Head) -> Head:
        """Seal an entry on `head` into the journal; the head behind it."""
        name, body, head = self._chain.seal(entry, head)
        self._journal.keep_object(name, kind, self._journal.generation, body)
        return head

    # --- closing entries

    def close(self, record: JournalObject) -> Head:
        """The closing entry, which holds the record's checksum and version; the chain's head."""
        generation = self._journal.generation
        if not any(self._kept("close", generation)):
            self._keep("close", self._entry("close", [_stored_object(record)], None), self._chain.head)
        self._chain.place(self._kept("close", generation))
        names_kept = [item.name for item in self._journal.objects("kind='key'")]
        self._journal.set_fact("ledgered_keys", names_kept)
        self._run.state.closing_file.unlink(missing_ok=True)
        return self._chain.head

    def close_earlier(self) -> None:
        """Write the closing entry that an earlier run of this writer owes, then note what this run will owe.

        Raises:
            StateError: what it owes cannot be read.
            StoreError, TransportError: of the kind met.
        """
        file = self._run.state.closing_file
        if file.exists():
            owed = _owed(file)
            settled = {self._run.snapshot_id.name, *self._chain.closed}
            if owed.name not in settled and exists(self._repository.store, owed.name):
                self._close_for(owed)
        owing = _Owed(self._run.snapshot_id.name, self._entry("close", [], None).run)
        replace_file(file, msgspec.json.encode(owing))

    def _close_for(self, owed: "_Owed") -> None:
        store, name = self._repository.store, owed.name
        stat = store.stat(name)
        digest, length = read_digest(store, name, stat.version_id)
        now = self._run.clock()
        stored = StoredObject(name, "record", length, digest, stat.version_id, now, now, "read-back", 1, store.tls)
        entry = self._entry("close", [stored], None)
        entry.run.update(owed.run)
        target, body, head = self._chain.seal(entry, self._chain.head)
        ledger_store, capabilities = self._repository.ledger_store, self._repository.descriptor.ledger_capabilities
        sent = place(ledger_store, target, body, head.sha256, attempts=1, clock=self._run.clock)
        prove(ledger_store, capabilities, target, len(body), head.sha256, sent.version_id, self._run.clock)
        self._chain.head = head
        events.emit("ledger-close-owed", object=name)


class _Owed(msgspec.Struct):
    """What a closing entry is owed for: a record, and what ledger entries of its run say of that."""

    name: str
    run: dict[str, str | int | None]


def _owed(file: Path) -> _Owed:
    with telling():
        content = file.read_bytes()
    try:
        owed = msgspec.json.decode(content, type=_Owed)
        names.parse_snapshot(owed.name)
    except (msgspec.MsgspecError, MalformedError):
        raise malformed(file) from None
    return owed


def _data_key(key: JournalObject) -> bytes:
    """Of a wrapped key's name, `keys/<writer>/<data key>/...`."""
    return bytes.fromhex(key.name.split("/")[2])


def _stored_pack(pack: JournalPack) -> StoredObject:
    if pack.sent is None or pack.verified is None:
        raise AssertionError(pack.id.name)
    return StoredObject(
        pack.id.name,
        "pack",
        pack.size,
        pack.sha256,
        pack.sent.version_id,
        pack.sent.at_ns,
        pack.verified.at_ns,
        pack.verified.by,
        pack.sent.attempts,
        pack.sent.tls,
    )


def _stored_object(item: JournalObject) -> StoredObject:
    if item.sent is None or item.verified is None:
        raise AssertionError(item.name)
    return StoredObject(
        item.name,
        _KINDS[item.kind],
        len(item.body),
        item.sha256,
        item.sent.version_id,
        item.sent.at_ns,
        item.verified.at_ns,
        item.verified.by,
        item.sent.attempts,
        item.sent.tls,
    )
