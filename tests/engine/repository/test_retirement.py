"""Which packs are retired: by whom, and what lifts them."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from proofkeep.errors import AuthenticationError, UnsupportedVersionError
from proofkeep.format.names import PackId, retired
from proofkeep.repository.retirement import read_retired
from tests.building import Ground, put
from tests.vectors import second_reader

PACKS = [PackId(bytes([writer]) * 16, bytes(16), counter) for writer in (1, 2) for counter in (0, 1, 5)]


@pytest.fixture
def ground(scratch: Path) -> Ground:
    return Ground(scratch / "ground")


def test_nothing_is_retired_at_first(ground: Ground) -> None:
    assert read_retired(ground.connect()) == (set(), [])


def test_packs_of_several_retirements_are_retired(ground: Ground) -> None:
    ground.retire(PACKS[:4])
    ground.retire(PACKS[3:])

    assert read_retired(ground.connect()) == (set(PACKS), [])


def test_lifted_packs_are_not(ground: Ground) -> None:
    ground.retire(PACKS, lift=True)

    assert read_retired(ground.connect()) == (set(), [])


def test_pack_lifted_from_one_retirement_and_named_by_another_is_retired(ground: Ground) -> None:
    ground.retire(PACKS, lift=True)
    ground.retire(PACKS[:2])

    assert read_retired(ground.connect()) == (set(PACKS[:2]), [])


def test_second_reader_agrees(ground: Ground) -> None:
    ground.retire(PACKS, lift=True)
    ground.retire(PACKS[:2])
    ground.retire(PACKS[4:])
    reader = ground.second_reader()

    found, ignored = second_reader.retired_packs(
        reader.store, reader.id, bytes.fromhex(reader.descriptor["retention_key"])
    )

    said = {
        PackId(bytes.fromhex(w), bytes.fromhex(k), c) for (w, k), runs in found.items() for run in runs for c in run
    }
    assert ignored == []
    assert (said, []) == read_retired(ground.connect())


def test_signature_of_another_key_retires_nothing_and_is_reported(ground: Ground) -> None:
    ground.retire(PACKS, key=ec.generate_private_key(ec.SECP384R1()))

    packs, findings = read_retired(ground.connect())

    assert packs == set()
    assert [finding.code for finding in findings] == [AuthenticationError.code]


def test_forged_lift_lifts_nothing(ground: Ground) -> None:
    ground.retire(PACKS)
    (name,) = ground.names("retired/")
    put(ground.store, f"{name}.lifted", ground.store.get(name))

    packs, findings = read_retired(ground.connect())

    assert packs == set(PACKS)
    assert [finding.code for finding in findings] == [AuthenticationError.code]


@pytest.mark.parametrize("body", [b"", b'{"v":1}', b"\xff" * 40])
def test_what_is_no_retirement_is_reported(ground: Ground, body: bytes) -> None:
    put(ground.store, retired(os.urandom(16)), body)
    ground.retire(PACKS)

    packs, findings = read_retired(ground.connect())

    assert packs == set(PACKS)
    assert len(findings) == 1


def test_retirement_of_another_format_hits_nothing_and_is_told(ground: Ground) -> None:
    put(ground.store, retired(os.urandom(16)), b'{"v":2}')
    ground.retire(PACKS)

    packs, findings = read_retired(ground.connect())

    assert packs == set(PACKS)
    assert [finding.code for finding in findings] == [UnsupportedVersionError.code]
