"""This writer's ledger chain: entries for what a run stored, on whatever head the chain has now."""

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

from proofkeep import events
from proofkeep.errors import ObjectExistsError
from proofkeep.format import ledger_entry, names
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.journal import JournalObject, JournalPack
from proofkeep.ledger import Head, open_entry, read_chain
from proofkeep.repository.stored import exists, place, prove, read_digest
from proofkeep.state import replace_file

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup

_KINDS = {"key": "key", "index": "index", "record": "record"}


class Vouching:
    """Appends to the chain; made and used under the ledger lock."""

    def __init__(self, run: "Backup") -> None:
        self._run = run
        self._repository = run.repository
        self._journal = run.journal
        self._head = run.catalog.head(run.writer)
        for _, head in read_chain(self._repository, run.writer, self._head):
            self._head = head

    def next_index_number(self) -> int:
        """A number no index object of this writer has, allocated durably."""
        file = self._run.state.path / "index-number"
        if file.exists():
            number = int(file.read_text("ascii"))
        else:
            prefix = f"{names.INDEX}{self._run.writer.hex()}/"
            listed = [names.parse_numbered(stat.name)[1] for stat in self._repository.store.list(prefix)]
            number = max(listed, default=-1) + 1
        replace_file(file, str(number + 1).encode())
        return number

    # --- entries of a run

    def append(self, generation: int) -> Head:
        """Entries for everything of this run that no entry names yet; the chain's head behind them."""
        kept = list(self._journal.objects("kind='ledger' AND generation=?", (generation,)))
        if not kept:
            entries = list(self._entries())
            with self._journal.transaction():
                head = self._head
                for entry in entries:
                    head = self._keep("ledger", entry, head)
                kept = list(self._journal.objects("kind='ledger' AND generation=?", (generation,)))
        for item in kept:
            self._place(item)
        return self._head

    def _entries(self) -> Iterator[LedgerEntry]:
        packs = [pack for pack in self._journal.packs() if not pack.indexed]
        packs.sort(key=lambda pack: (pack.transfer, pack.id.data_key, pack.number))
        keys = [item for item in self._journal.objects("kind='key'") if not self._named_before(item)]
        for (_, data_key), group in groupby(packs, key=lambda pack: (pack.transfer, pack.id.data_key)):
            mine = [item for item in keys if f"/{data_key.hex()}/" in item.name]
            keys = [item for item in keys if item not in mine]
            stored = [*map(_stored_object, mine), *map(_stored_pack, group)]
            yield self._entry("transfer", stored, self._session(data_key))
        indexes = self._journal.objects("kind='index' AND generation=?", (self._journal.generation,))
        yield self._entry("index", [_stored_object(item) for item in (*keys, *indexes)], None)

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
        body, sequence = self._seal(entry, head)
        self._journal.keep_object(names.ledger(self._run.writer, sequence), kind, self._journal.generation, body)
        return Head(sequence, sha256(body).digest())

    def _seal(self, entry: LedgerEntry, head: Head) -> tuple[bytes, int]:
        sequence = head.sequence + 1
        linked = LedgerEntry(
            entry.writer,
            sequence,
            entry.epoch,
            entry.at_ns,
            entry.kind,
            head.sha256,
            entry.objects,
            entry.run,
            entry.session,
            entry.heads,
        )
        key = self._repository.keys.epochs[entry.epoch].ledger
        return ledger_entry.seal_entry(key, self._repository.id, linked), sequence

    def _place(self, item: JournalObject) -> None:
        """Put a kept entry, on a new head if the chain has grown since; nothing if it is in the chain already."""
        if item.verified is not None:
            return
        _, sequence = names.parse_numbered(item.name)
        if sequence <= self._head.sequence:
            if read_digest(self._repository.ledger_store, item.name)[0] == item.sha256:
                self._run.sender.place_object(item)
                return
            item = self._relink(item, sequence)
        elif open_entry(self._repository, self._run.writer, sequence, item.body).previous != self._head.sha256:
            item = self._relink(item, sequence)
        try:
            self._run.sender.place_object(item)
        except ObjectExistsError:
            # Only a second state directory with our writer id could have taken the place since we read the chain.
            events.emit("ledger-foreign-entry", outcome="failure", object=item.name)
            raise
        _, sequence = names.parse_numbered(item.name)
        self._head = Head(sequence, item.sha256)

    def _relink(self, item: JournalObject, sequence: int) -> JournalObject:
        entry = open_entry(self._repository, self._run.writer, sequence, item.body)
        body, new_sequence = self._seal(entry, self._head)
        name = names.ledger(self._run.writer, new_sequence)
        self._journal.replace_object(item.name, name, body)
        return next(self._journal.objects("name=?", (name,)))

    # --- closing entries

    def close(self, record: JournalObject) -> Head:
        """The closing entry, which holds the record's checksum and version; the chain's head."""
        kept = list(self._journal.objects("kind='close' AND generation=?", (self._journal.generation,)))
        if not kept:
            self._keep("close", self._entry("close", [_stored_object(record)], None), self._head)
            kept = list(self._journal.objects("kind='close' AND generation=?", (self._journal.generation,)))
        self._place(kept[0])
        names_kept = [item.name for item in self._journal.objects("kind='key'")]
        self._journal.set_fact("ledgered_keys", names_kept)
        self._run.state.closing_file.unlink(missing_ok=True)
        return self._head

    def close_earlier(self) -> None:
        """Write the closing entry that an earlier run of this writer owes, then note what this run will owe."""
        file = self._run.state.closing_file
        if file.exists():
            owed = json.loads(file.read_bytes())
            if owed["name"] != self._run.snapshot_id.name and exists(self._repository.store, owed["name"]):
                self._close_for(owed)
        owing = {"name": self._run.snapshot_id.name, "run": self._entry("close", [], None).run}
        replace_file(file, json.dumps(owing).encode())

    def _close_for(self, owed: dict[str, Any]) -> None:
        store, name = self._repository.store, owed["name"]
        stat = store.stat(name)
        digest, length = read_digest(store, name, stat.version_id)
        now = self._run.clock()
        stored = StoredObject(name, "record", length, digest, stat.version_id, now, now, "read-back", 1, store.tls)
        entry = self._entry("close", [stored], None)
        entry.run.update(owed["run"])
        body, sequence = self._seal(entry, self._head)
        target = names.ledger(self._run.writer, sequence)
        ledger_store, capabilities = self._repository.ledger_store, self._repository.descriptor.ledger_capabilities
        mark = sha256(body).digest()
        sent = place(ledger_store, target, body, mark, attempts=1, clock=self._run.clock)
        prove(ledger_store, capabilities, target, len(body), mark, sent.version_id, self._run.clock)
        self._head = Head(sequence, mark)
        events.emit("ledger-close-owed", object=name)


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
