"""Whatever bytes come, also under a good key: parsers answer or raise one of our errors, and nothing else."""

import contextlib
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep import canonical
from proofkeep.errors import ProofkeepError
from proofkeep.format import (
    descriptor,
    documents,
    header,
    index,
    instants,
    ledger_entry,
    locks,
    manifest,
    names,
    pack_set,
    record,
    retired,
    table,
    wrapped,
)
from proofkeep.format.body import open_body, seal_body
from proofkeep.format.header import ObjectType, new_context
from proofkeep.format.names import SnapshotId
from tests.properties import strategies
from tests.properties.test_format_properties import KEY, KEY_ID, opened_pack
from tests.vectors.loading import load, objects
from tests.vectors.making import indexes, ledgers, manifests, retirements, world, wrapping
from tests.vectors.making.encoding import with_mac

REPOSITORY, WRITER = world.REPOSITORY, world.WRITER
SNAPSHOT = SnapshotId(KEY_ID, WRITER, KEY_ID, 1)
EPOCH_ID = header.epoch_key_id(1)

Parser = Callable[[bytes], Any]

BARE: dict[str, Parser] = {
    "header": lambda raw: header.decode(raw, "x"),
    "body": lambda raw: open_body(KEY, raw, "x"),
    "pack": opened_pack,
    "table": lambda raw: table.decode_table(raw, "x"),
    "json": lambda raw: canonical.from_json(raw, "x"),
    "record": lambda raw: record.open_facts(KEY, REPOSITORY, SNAPSHOT, raw),
    "leaf": lambda raw: manifest.decode_segment(raw, 0, "x"),
    "inner": lambda raw: manifest.decode_segment(raw, 1, "x"),
    "ledger entry": lambda raw: ledger_entry.open_entry(KEY, REPOSITORY, WRITER, 0, raw),
    "retirement": lambda raw: retired.open_retirement(world.RETENTION_PUBLIC, REPOSITORY, "retired/x", raw),
    "wrapped key": lambda raw: wrapped.open_wrapped(KEY, REPOSITORY, "keys/x", raw),
    "descriptor": lambda raw: descriptor.open_descriptor(KEY, raw),
    "epoch": lambda raw: descriptor.open_epoch(KEY, REPOSITORY, 1, raw),
}


def opened_index(raw: bytes) -> Any:
    return index.open_index(KEY, REPOSITORY, WRITER, 0, sealed(ObjectType.INDEX, 0, raw))


def opened_locks(raw: bytes) -> Any:
    found = locks.open_locks(KEY, REPOSITORY, WRITER, 0, sealed(ObjectType.LOCKS, 0, raw))
    return first_packs(found.packs)


def opened_facts(raw: bytes) -> Any:
    facts = sealed(ObjectType.FACTS, 1, raw)
    found = record.open_facts(KEY, REPOSITORY, SNAPSHOT, struct.pack(">I", len(facts)) + facts)
    return first_packs(found.packs)


def opened_roots(raw: bytes) -> Any:
    return record.open_roots(KEY, REPOSITORY, SNAPSHOT, sealed(ObjectType.ROOTS, 1, raw))


def first_packs(rows: Any) -> Any:
    """Not all: a run may count four thousand million."""
    return next(iter(pack_set.decode_packs(rows)), None)


def sealed(kind: ObjectType, number: int, plain: bytes) -> bytes:
    return seal_body(new_context(KEY, kind, REPOSITORY, WRITER, EPOCH_ID, number), plain)


AUTHENTIC: dict[str, Parser] = {
    "index": opened_index,
    "locks": opened_locks,
    "facts": opened_facts,
    "roots": opened_roots,
    "leaf": BARE["leaf"],
    "inner": BARE["inner"],
}

ENTRY = next(iter(objects(load("ledger_entry")["inputs"]["entries"]).values()))
WRAPPED_NAME, WRAPPED = wrapping.wrapped_object(wrapping.wrap_p384())

DOCUMENTS: dict[str, tuple[bytes, Parser]] = {
    "descriptor": (world.DESCRIPTOR, lambda raw: descriptor.open_descriptor(world.LEDGER_KEY, raw)),
    "epoch": (world.EPOCH_OBJECT, lambda raw: descriptor.open_epoch(world.LEDGER_KEY, world.REPOSITORY, 1, raw)),
    "wrapped key": (WRAPPED, lambda raw: wrapped.open_wrapped(world.LEDGER_KEY, world.REPOSITORY, WRAPPED_NAME, raw)),
    "ledger entry": (
        ENTRY,
        lambda raw: ledger_entry.open_entry(world.LEDGER_KEY, world.REPOSITORY, world.WRITER, 0, raw),
    ),
}


@pytest.mark.parametrize("parser", BARE)
@given(raw=st.binary(max_size=600))
def test_random_bytes_meet_one_of_our_errors(parser: str, raw: bytes) -> None:
    with contextlib.suppress(ProofkeepError):
        BARE[parser](raw)


@pytest.mark.parametrize("parser", AUTHENTIC)
@given(raw=st.binary(max_size=200) | strategies.any_pack_values.map(canonical.to_msgpack))
def test_random_plaintext_under_a_good_key_meets_one_of_our_errors(parser: str, raw: bytes) -> None:
    with contextlib.suppress(ProofkeepError):
        AUTHENTIC[parser](raw)


BODIES: dict[str, tuple[Any, Parser]] = {
    "index": ({"packs": indexes.ROWS, "supersedes": [1]}, opened_index),
    "locks": ({"packs": [[WRITER, KEY_ID, [0, 2, 3, 1]]], "until": 7}, opened_locks),
    "facts": (ledgers.facts_members(run=KEY_ID, entry=KEY_ID, withdraws=[[WRITER, 1]]), opened_facts),
    "roots": (ledgers.roots_members([[b"", bytes(32), 9, 0, 1, 0]], run=KEY_ID, entry=KEY_ID), opened_roots),
    "leaf": ([0, [manifests.ROOT, manifests.row(b"a", xattrs=[[b"n", b"v"]], extents=[0, 1])]], BARE["leaf"]),
    "inner": ([1, [[bytes(32), 9, b"", b"a", 2, 3]]], BARE["inner"]),
}


@pytest.mark.parametrize("parser", BODIES)
@given(choices=st.data())
def test_body_with_one_thing_else_under_a_good_key_meets_one_of_our_errors(parser: str, choices: st.DataObject) -> None:
    good, parse = BODIES[parser]
    parse(canonical.to_msgpack(good))

    with contextlib.suppress(ProofkeepError):
        parse(canonical.to_msgpack(choices.draw(strategies.with_one_thing_else(good, strategies.any_pack_values))))


@pytest.mark.parametrize("parser", DOCUMENTS)
@given(choices=st.data())
def test_document_with_one_thing_else_and_a_good_mac_meets_one_of_our_errors(
    parser: str, choices: st.DataObject
) -> None:
    good, parse = DOCUMENTS[parser]
    parse(good)
    members = {name: value for name, value in json.loads(good).items() if name != "mac"}

    other = with_mac(choices.draw(strategies.with_one_thing_else(members, strategies.json_values)), world.LEDGER_KEY)

    with contextlib.suppress(ProofkeepError):
        parse(other)


@pytest.mark.parametrize("parser", DOCUMENTS)
@given(choices=st.data())
def test_document_without_one_member_meets_one_of_our_errors(parser: str, choices: st.DataObject) -> None:
    good, parse = DOCUMENTS[parser]
    members = {name: value for name, value in json.loads(good).items() if name != "mac"}
    del members[choices.draw(st.sampled_from(sorted(members)))]

    with contextlib.suppress(ProofkeepError):
        parse(with_mac(members, world.LEDGER_KEY))


@given(choices=st.data())
def test_retirement_with_one_thing_else_and_a_good_signature_meets_one_of_our_errors(choices: st.DataObject) -> None:
    good = json.loads(retirements.retirement(retirements.FIRST, "retired", [[0, 3], [7, 1]]))
    del good["signature"]
    other = choices.draw(strategies.with_one_thing_else(good, strategies.json_values))

    with contextlib.suppress(ProofkeepError):
        raw = documents.sign_document(world.RETENTION_KEY, {**other, "v": 1})
        name = f"retired/{retirements.FIRST.hex()}"
        retired.open_retirement(world.RETENTION_PUBLIC, world.REPOSITORY, name, raw)


@given(
    st.text(max_size=100) | st.from_regex(r"(packs|index|snapshots)/[0-9a-f]{30,33}/[0-9a-f.]{8,40}", fullmatch=True)
)
def test_any_name_meets_one_of_our_errors(name: str) -> None:
    for parse in (names.parse_pack, names.parse_snapshot, names.parse_numbered):
        with contextlib.suppress(ProofkeepError):
            parse(name)


@given(strategies.json_values)
def test_any_instant_meets_one_of_our_errors(value: object) -> None:
    with contextlib.suppress(ProofkeepError):
        instants.from_text(value, "x")
