"""Vectors of section 11: ledger chains, remembered heads and HMACs of objects."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.vectors.making.encoding import with_mac
from tests.vectors.making.ledgers import chain, entry_members, ledger_name, object_hmac, stored
from tests.vectors.making.packs import PLAIN, TWO_FRAMES
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import KEY_ID, LATER, LEDGER_KEY, OTHER_WRITER, RECIPIENT, REPOSITORY, WRITER, sha256

SESSION = {
    "data_key": KEY_ID.hex(),
    "recipients": [{"recipient": RECIPIENT, "material_id": None, "request_id": None}],
}
OBJECTS = [stored(pack.name, "pack", pack.object()) for pack in (PLAIN, TWO_FRAMES)]
ENTRIES = chain(("transfer", OBJECTS[:1]), ("transfer", OBJECTS[1:]), ("index", []))
HEAD = [2, sha256(ENTRIES[ledger_name(2)])]


def vector(
    name: str,
    comment: str,
    entries: Mapping[str, bytes],
    expect: str = "ok",
    *,
    remembered: Any = None,
    record: Any = None,
    section: int = 11,
    freshness: str = "not-provable",
) -> Vector:
    inputs = {"writer": WRITER, "repository": REPOSITORY, "ledger_key": LEDGER_KEY, "entries": entries}
    inputs |= {"remembered": remembered, "record": record}
    last = max(entries)
    result = {"head": [len(entries) - 1, sha256(entries[last])], "freshness": freshness}
    return Vector(name, section, "ledger", comment, inputs, result if expect == "ok" else None, expect)


def altered(place: int, **changes: Any) -> dict[str, bytes]:
    """The chain with one entry's members changed and its MAC made anew; the entries behind follow suit."""
    result: dict[str, bytes] = {}
    for sequence, name in enumerate(sorted(ENTRIES)):
        members = {key: value for key, value in json.loads(ENTRIES[name]).items() if key != "mac"}
        if sequence:
            members["previous"] = sha256(result[ledger_name(sequence - 1)]).hex()
        if sequence == place:
            members |= changes
        result[name] = with_mac(members, LEDGER_KEY)
    return result


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    one = with_mac(entry_members(0, None, "transfer", OBJECTS, session=SESSION), LEDGER_KEY)
    yield vector("ledger_entry", "A first entry with two packs.", {ledger_name(0): one})
    yield vector("ledger_no_head", "A whole chain, and nothing remembered.", ENTRIES)
    bad = dict(ENTRIES)
    bad[ledger_name(2)] = (
        bad[ledger_name(2)]
        .replace(b'"attempts":1', b'"attempts":1')
        .replace(LATER.encode(), b"2026-11-24" + LATER[10:].encode())
    )
    yield vector("ledger_bad_mac", "Another instant in the last entry than its MAC covers.", bad, "authentication")
    yield vector(
        "ledger_broken_chain",
        "The second entry's previous is of no entry.",
        altered(1, previous="ab" * 32),
        "ledger-mismatch",
    )
    gap = {name: data for name, data in ENTRIES.items() if name != ledger_name(1)}
    yield vector("ledger_gap", "The second of three entries is missing.", gap, "ledger-mismatch")
    foreign = altered(2, writer=OTHER_WRITER.hex())
    yield vector("ledger_swapped_writer", "The last entry is another writer's.", foreign, "authentication")
    short = {ledger_name(n): ENTRIES[ledger_name(n)] for n in range(2)}
    yield vector(
        "ledger_rolled_back", "The remembered head is the third of two entries.", short, "rollback", remembered=HEAD
    )
    yield vector("ledger_behind_record", "A record names the third of two entries.", short, "rollback", record=HEAD)
    large = altered(2, zone="a" * (8 << 20))
    yield vector("ledger_entry_too_large", "More than 8 MiB by one unknown member.", large, "malformed", section=13)
    inputs = {"ledger_key": LEDGER_KEY, "repository": REPOSITORY, "name": PLAIN.name, "type": "pack", "length": 512}
    digest = sha256(b"a pack")
    result = {"hmac": object_hmac(PLAIN.name, "pack", 512, digest)}
    yield Vector("ledger_object_hmac", 11, "object_hmac", "", {**inputs, "sha256": digest}, result)
