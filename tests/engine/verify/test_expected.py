"""What verify remembers of the ledger while it looks at the stores."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from proofkeep.format.ledger_entry import LedgerEntry, StoredObject
from proofkeep.format.names import PackId
from proofkeep.ledger import Head
from proofkeep.verify.expected import Expected

WRITER = bytes(16)
PACKS = [PackId(WRITER, bytes([key]) * 16, counter) for key in (0, 1) for counter in (0, 9, 16)]


@pytest.fixture
def expected() -> Iterator[Expected]:
    with closing(Expected()) as expected:
        yield expected


def add(expected: Expected, names: list[str]) -> None:
    objects = (StoredObject(name, "pack", 1, bytes(32), None, 0, 0, "store", 1, None) for name in names)
    expected.add_entry(LedgerEntry(WRITER, 1, 1, 0, "transfer", bytes(32), tuple(objects), {}), Head(1, bytes(32)))


def test_sound_packs_come_in_order_without_the_damaged_ones(expected: Expected) -> None:
    add(expected, [pack.name for pack in reversed(PACKS)])
    expected.set_damaged(PACKS[2].name)

    assert list(expected.sound_packs()) == [*PACKS[:2], *PACKS[3:]]


def test_what_is_no_packs_name_is_no_sound_pack(expected: Expected) -> None:
    add(expected, ["packs/", "packs/a", f"{PACKS[0].name}0", PACKS[1].name, "index/a"])

    assert list(expected.sound_packs()) == [PACKS[1]]
