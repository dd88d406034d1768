"""The catalog's answers: which chunk lies where, which packs may be referred to."""

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from proofkeep.catalog import Catalog, FileState
from proofkeep.catalog.database import VERSION
from proofkeep.errors import StateDamagedError
from proofkeep.format.index import PackRow
from proofkeep.format.names import PackId
from proofkeep.ledger import START, Head

WRITER = bytes(16)
NOW, LATER = 10**18, 2 * 10**18


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def catalog(file: Path) -> Iterator[Catalog]:
    with closing(Catalog(file)) as opened:
        yield opened


def chunk(number: int) -> bytes:
    return number.to_bytes(32, "big")


def add(catalog: Catalog, counter: int, chunks: list[int], retain_until: int | None = None) -> PackId:
    row = PackRow(WRITER, WRITER, counter, bytes(128), 1000 + counter, retain_until, b"")
    catalog.add_pack(row, list(map(chunk, chunks)), b"sealed")
    return row.id


def packs_of(catalog: Catalog, number: int) -> list[PackId]:
    found = catalog.chunk_packs([chunk(number)])
    return [catalog.pack(pack).id for pack in found.get(chunk(number), ())]


def test_catalog_is_private(catalog: Catalog, file: Path) -> None:
    add(catalog, 0, [1])

    assert file.stat().st_mode & 0o777 == 0o600


def test_every_pack_that_holds_a_chunk_is_known_in_the_order_they_were_learned(catalog: Catalog) -> None:
    first = add(catalog, 0, [1, 2])
    second = add(catalog, 1, [2, 3])

    assert [packs_of(catalog, number) for number in (1, 2, 3, 4)] == [[first], [first, second], [second], []]


def test_chunk_stays_known_when_one_of_its_packs_is_dropped(catalog: Catalog) -> None:
    first = add(catalog, 0, [1])
    second = add(catalog, 1, [1])

    catalog.drop_packs([first])

    assert packs_of(catalog, 1) == [second]


def test_chunk_learned_twice_from_one_pack_is_known_once(catalog: Catalog) -> None:
    pack = add(catalog, 0, [1])
    add(catalog, 0, [1])

    assert packs_of(catalog, 1) == [pack]


def test_newest_lock_date_of_a_pack_counts(catalog: Catalog) -> None:
    pack = add(catalog, 0, [1], NOW)
    add(catalog, 0, [1], LATER)
    add(catalog, 0, [1], NOW)
    catalog.set_locked([pack], NOW)
    number = catalog.find_pack(pack)

    assert number is not None
    assert catalog.usable_packs(LATER)[number] == 1
    assert catalog.usable_packs(LATER + 1)[number] == 0


def test_usable_packs_are_neither_retired_nor_locked_too_briefly(catalog: Catalog) -> None:
    packs = [add(catalog, 0, []), add(catalog, 1, [], NOW), add(catalog, 2, [], LATER), add(catalog, 3, [])]
    catalog.set_retired(packs[3:])

    def usable(expires: int | None) -> list[int]:
        flags = catalog.usable_packs(expires)
        return [flags[catalog.find_pack(pack) or 0] for pack in packs]

    assert usable(None) == [1, 1, 1, 0]
    assert usable(NOW) == [1, 1, 1, 0]
    assert usable(NOW + 1) == [1, 0, 1, 0]


def test_retirement_that_was_lifted_is_forgotten(catalog: Catalog) -> None:
    pack = add(catalog, 0, [])
    catalog.set_retired([pack])

    catalog.set_retired([])

    assert sum(catalog.usable_packs(None)) == 1


def test_dropped_pack_is_gone_with_its_chunks_and_its_number_is_not_used_again(catalog: Catalog) -> None:
    pack = add(catalog, 0, [1])
    number = catalog.find_pack(pack)

    catalog.drop_packs([pack])

    assert (packs_of(catalog, 1), catalog.find_pack(pack), list(catalog.pack_sizes())) == ([], None, [])
    assert catalog.find_pack(add(catalog, 0, [1])) != number


def test_chunks_are_looked_through_once_however_many_packs_are_dropped(catalog: Catalog) -> None:
    packs = [add(catalog, counter, [counter, 9]) for counter in range(9)]
    statements: list[str] = []
    catalog._database._connection.set_trace_callback(statements.append)

    catalog.drop_packs(packs[2:])
    catalog.drop_packs(packs[2:])

    assert sum(statement.startswith("DELETE FROM chunks") for statement in statements) == 1
    assert [packs_of(catalog, number) for number in (0, 2, 9)] == [packs[:1], [], packs[:2]]


def test_sizes_come_in_the_order_of_names(catalog: Catalog) -> None:
    for counter in (5, 1, 3):
        add(catalog, counter, [])

    assert [(pack.counter, size) for _, pack, size in catalog.pack_sizes()] == [(1, 1001), (3, 1003), (5, 1005)]


def test_many_ids_are_looked_up_at_once(catalog: Catalog) -> None:
    add(catalog, 0, list(range(2000)))

    assert len(catalog.chunk_packs([chunk(number) for number in range(0, 4000, 2)])) == 1000


def test_file_states_are_an_entrys_own(catalog: Catalog) -> None:
    state = FileState(os.urandom(16), chunk(1), (0, 4096, 1 << 40, 1), (3, 1))
    catalog.set_file_states(b"e" * 16, [(b"p" * 16, state)])

    assert catalog.file_states(b"e" * 16, [b"p" * 16, b"q" * 16]) == {b"p" * 16: state}
    assert catalog.file_states(b"f" * 16, [b"p" * 16]) == {}


def test_file_states_held_before_are_remembered_with_the_last_ones(catalog: Catalog) -> None:
    states = [(bytes([number]) * 16, FileState(bytes([number]) * 16, chunk(number), (), (1,))) for number in range(9)]
    with catalog.transaction():
        catalog.hold_file_states(b"e" * 16, states[6:])
        catalog.hold_file_states(b"e" * 16, states[:3])
        catalog.set_file_states(b"e" * 16, states[3:6])

    assert catalog.file_states(b"e" * 16, [path for path, _ in states]) == dict(states)


def test_file_states_held_by_a_transaction_that_failed_are_forgotten(catalog: Catalog) -> None:
    state = FileState(bytes(16), chunk(1), (), (1,))
    with suppress(ValueError), catalog.transaction():
        catalog.hold_file_states(b"e" * 16, [(b"p" * 16, state)])
        raise ValueError

    catalog.set_file_states(b"e" * 16, [(b"q" * 16, state)])

    assert catalog.file_states(b"e" * 16, [b"p" * 16, b"q" * 16]) == {b"q" * 16: state}


def test_heads_begin_before_the_first_entry(catalog: Catalog) -> None:
    assert catalog.head(WRITER) == START

    catalog.set_head(WRITER, Head(3, bytes(32)))

    assert catalog.heads() == {WRITER: Head(3, bytes(32))}


def test_two_processes_may_open_it_at_once(catalog: Catalog, file: Path) -> None:
    with closing(Catalog(file)) as other, catalog.transaction():
        add(catalog, 0, [1])

        assert packs_of(other, 1) == []
    assert packs_of(catalog, 1)


def test_open_catalog_is_not_taken_for_a_damaged_one(catalog: Catalog, file: Path) -> None:
    with catalog.transaction():
        add(catalog, 0, [1])
        Catalog(file).close()

    assert packs_of(catalog, 1)


def test_catalog_of_another_version_is_made_anew(file: Path) -> None:
    with closing(Catalog(file)) as older:
        add(older, 0, [1])
        older._database.change(f"PRAGMA user_version={VERSION + 1}")

    with closing(Catalog(file)) as catalog:
        assert packs_of(catalog, 1) == []
        add(catalog, 0, [1])


def test_catalog_found_damaged_while_it_is_used_is_removed_when_closed(file: Path) -> None:
    with closing(Catalog(file)) as catalog:
        for counter in range(50):
            add(catalog, counter, list(range(counter * 100, counter * 100 + 100)))
    pages = file.read_bytes()
    file.write_bytes(pages[:4096] + bytes([0xFF]) * (len(pages) - 4096))

    with closing(Catalog(file)) as catalog, pytest.raises(StateDamagedError, match="catalog is damaged"):
        catalog.chunk_packs([chunk(1)])

    assert not file.exists()
