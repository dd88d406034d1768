"""What a host learns from ledger, index and locks without any right to decrypt, and what it refuses to learn."""

from hashlib import sha256
from typing import Any

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.errors import (
    AuthenticationError,
    LedgerMismatchError,
    MalformedError,
    ObjectMissingError,
    RollbackError,
    StoreUnavailableError,
    TruncatedError,
)
from proofkeep.format import index, ledger_entry, names
from proofkeep.format.index import Index, PackRow
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.ledger import START, Head, load_heads
from proofkeep.model import Finding
from tests.building import Ground, Host, content, plant, put
from tests.decorating import WatchedStore


def known(catalog: Catalog) -> list[tuple[Any, int]]:
    return [(pack, size) for _, pack, size in catalog.pack_sizes()]


def harm(host: Host, name: str, change: Any) -> None:
    file = host.ground.root / "store" / name
    file.write_bytes(change(file.read_bytes()))


def test_everything_stored_is_learned(host: Host, empty: Catalog) -> None:
    findings = refresh(host.ground.connect(), empty, {})

    assert findings == []
    with host.catalog() as catalog:
        assert known(empty) == known(catalog)
        assert empty.heads() == catalog.heads()
        ids = [chunk.id for pack in host.ground.second_reader().packs.values() for chunk in pack.table.chunks]
        assert empty.chunk_packs(ids).keys() == catalog.chunk_packs(ids).keys() == set(ids)


def test_only_what_is_new_is_read_the_next_time(host: Host, empty: Catalog) -> None:
    reads: list[str] = []

    def watch(operation: str, name: str, call: Any) -> Any:
        if operation in {"get", "read"} and name.startswith(("index/", "ledger/")):
            reads.append(name)
        return call()

    stores = {name: WatchedStore(getattr(host.ground, name), watch) for name in ("store", "ledger")}
    repository = host.ground.connect(**stores)
    refresh(repository, empty, {})
    plant(host.source, {"new": content(5000, 3000)})
    host.run()
    reads.clear()

    refresh(repository, empty, load_heads(host.state.heads_file))

    writer = host.state.writer()
    assert [name for name in reads if name.startswith("index/")] == [names.index(writer, 1)]
    assert names.ledger(writer, 0) not in reads


HARM: dict[str, tuple[Any, str]] = {
    "flipped": (lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:], LedgerMismatchError.code),
    "cut": (lambda data: data[:-1], LedgerMismatchError.code),
    "empty": (lambda data: data[:0], LedgerMismatchError.code),
}


@pytest.mark.parametrize("change, code", HARM.values(), ids=HARM)
def test_index_that_is_not_the_one_in_the_ledger_is_reported_and_the_rest_learned(
    host: Host, empty: Catalog, change: Any, code: str
) -> None:
    plant(host.source, {"new": content(5000, 3000)})
    host.run()
    first = names.index(host.state.writer(), 0)
    harm(host, first, change)

    findings = refresh(host.ground.connect(), empty, {})

    assert [(finding.code, finding.subject) for finding in findings] == [(code, first)]
    assert len(known(empty)) == 2
    assert host.run().complete


def test_index_that_is_gone_is_reported(host: Host, empty: Catalog) -> None:
    host.ground.store.delete(names.index(host.state.writer(), 0))

    findings = refresh(host.ground.connect(), empty, {})

    assert [finding.code for finding in findings] == [ObjectMissingError.code]
    assert known(empty) == []


def test_store_that_is_away_is_no_finding_and_nothing_is_skipped_afterwards(host: Host, empty: Catalog) -> None:
    def away(operation: str, _: str, call: Any) -> Any:
        if operation == "get" and gone:
            raise StoreUnavailableError("store is away")
        return call()

    gone: list[str] = []
    repository = host.ground.connect(store=WatchedStore(host.ground.store, away))
    gone.append("away")
    with pytest.raises(StoreUnavailableError):
        refresh(repository, empty, {})

    assert refresh(host.ground.connect(), empty, {}) == []
    assert len(known(empty)) == 2


def test_index_is_tried_again_until_it_can_be_learned(host: Host, empty: Catalog) -> None:
    name = names.index(host.state.writer(), 0)
    kept = host.ground.store.get(name)
    harm(host, name, lambda data: data[:-1])
    first, second = (refresh(host.ground.connect(), empty, {}) for _ in range(2))
    known_before = known(empty)
    harm(host, name, lambda _: kept)

    third = refresh(host.ground.connect(), empty, {})

    assert codes(first) == codes(second) == [LedgerMismatchError.code]
    assert (known_before, third, len(known(empty))) == ([], [], 2)
    assert refresh(host.ground.connect(), empty, {}) == []


class Thief:
    """A writer of his own with the host secret: writes ledger entries that name what he likes."""

    writer = b"\x55" * 16

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.repository = ground.connect()
        self.head = START

    def vouch(self, name: str, kind: str, body: bytes, version_id: str | None = None) -> None:
        now = self.ground.now()
        stored = StoredObject(name, kind, len(body), sha256(body).digest(), version_id, now, now, "read-back", 1, None)
        keys = self.repository.keys.current
        entry = LedgerEntry(
            self.writer, self.head.sequence + 1, keys.epoch, now, "index", self.head.sha256, (stored,), {"id": "00"}
        )
        data = ledger_entry.seal_entry(keys.ledger, self.repository.id, entry)
        put(self.ground.ledger, names.ledger(self.writer, entry.sequence), data)
        self.head = Head(entry.sequence, sha256(data).digest())

    def index(self, writer: bytes, rows: list[PackRow], number: int = 0) -> bytes:
        """An index object under the prefix of any writer, which a local directory does not refuse."""
        keys = self.repository.keys.current
        body = index.seal_index(keys.index, self.repository.id, writer, keys.epoch, number, Index(rows, []))
        put(self.ground.store, names.index(writer, number), body)
        return body


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_index_counts_only_in_its_own_writers_chain(host: Host, empty: Catalog) -> None:
    thief, victim = Thief(host.ground), host.state.writer()
    body = thief.index(victim, [], number=7)
    thief.vouch(names.index(victim, 7), "index", body)

    findings = refresh(host.ground.connect(), empty, {})

    assert codes(findings) == [AuthenticationError.code]


def test_index_with_rows_of_another_writer_is_refused_whole(host: Host, empty: Catalog) -> None:
    pack = next(iter(host.ground.second_reader().packs.values()))
    thief = Thief(host.ground)
    row = PackRow(host.state.writer(), pack.data_key, pack.counter, pack.header.raw, 17, None, b"")
    thief.vouch(names.index(thief.writer, 0), "index", thief.index(thief.writer, [row]))

    findings = refresh(host.ground.connect(), empty, {})

    assert codes(findings) == [AuthenticationError.code]
    assert 17 not in [size for _, size in known(empty)]


def test_writer_vouches_only_for_versions_of_his_own_packs(host: Host, empty: Catalog) -> None:
    pack = host.ground.packs()[0]
    thief = Thief(host.ground)
    thief.vouch(pack.name, "pack", b"", version_id="another version")

    findings = refresh(host.ground.connect(), empty, {})

    number = empty.find_pack(pack)
    assert codes(findings) == [AuthenticationError.code]
    assert number is not None
    assert empty.pack(number).version_id is None


@pytest.mark.parametrize("kind, name", [("index", "packs/x"), ("index", "retired/x"), ("pack", "index/x")])
def test_names_that_are_not_of_their_type_are_refused(host: Host, empty: Catalog, kind: str, name: str) -> None:
    Thief(host.ground).vouch(name, kind, b"")

    findings = refresh(host.ground.connect(), empty, {})

    assert codes(findings) == [MalformedError.code]
    assert len(known(empty)) == 2


def test_index_that_was_never_sealed_is_refused(host: Host, empty: Catalog) -> None:
    thief = Thief(host.ground)
    name = names.index(thief.writer, 0)
    put(host.ground.store, name, b"PKep")
    thief.vouch(name, "index", b"PKep")

    assert codes(refresh(host.ground.connect(), empty, {})) == [TruncatedError.code]


def test_chain_with_a_gap_is_a_finding_and_refused_to_who_would_append_to_it(host: Host, empty: Catalog) -> None:
    host.ground.ledger.delete(names.ledger(host.state.writer(), 1))

    findings = refresh(host.ground.connect(), empty, {})

    assert codes(findings) == [LedgerMismatchError.code]
    with pytest.raises(LedgerMismatchError):
        refresh(host.ground.connect(), empty, {}, own=host.state.writer())


def test_chain_is_known_up_to_its_fault_and_learned_again_from_there(host: Host, empty: Catalog) -> None:
    writer = host.state.writer()
    second = host.ground.root / "ledger" / names.ledger(writer, 1)
    body = second.read_bytes()
    second.unlink()
    refresh(host.ground.connect(), empty, {})
    before = (empty.head(writer).sequence, empty.faults())
    second.write_bytes(body)

    findings = refresh(host.ground.connect(), empty, {})

    assert before == (0, {writer: 0})
    assert findings == []
    assert (empty.head(writer).sequence, empty.faults()) == (2, {})


@pytest.mark.parametrize("by", ["catalog", "state"])
def test_head_that_is_remembered_must_still_be_there(host: Host, empty: Catalog, by: str) -> None:
    repository = host.ground.connect()
    if by == "catalog":
        refresh(repository, empty, {})
    seen = load_heads(host.state.heads_file) if by == "state" else {}
    host.ground.ledger.delete(host.ground.names("ledger/")[-1])

    findings = refresh(repository, empty, seen)

    assert codes(findings) == [RollbackError.code]
    assert sum(empty.usable_packs(None)) == 0
    with pytest.raises(RollbackError):
        refresh(repository, empty, seen, own=host.state.writer())
