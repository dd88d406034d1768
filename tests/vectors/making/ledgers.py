"""Sections 10 and 11 as a writer sees them: ledger entries, chains and snapshot records."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.vectors.making.encoding import mac, pack, with_mac
from tests.vectors.making.sealing import FACTS, ROOTS, Object, body, under_index_key
from tests.vectors.making.world import (
    AT,
    AT_NS,
    DATA_KEY,
    DAY_NS,
    ENTRY,
    KEY_ID,
    LATER,
    LEDGER_KEY,
    REPOSITORY,
    RUN,
    WRITER,
    sha256,
)

TLS = {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "peer_sha256": sha256(b"certificate").hex()}


def object_hmac(name: str, kind: str, length: int, digest: bytes) -> bytes:
    head = b"object\0" + REPOSITORY + name.encode() + b"\0" + kind.encode() + b"\0"
    return mac(LEDGER_KEY, head + struct.pack(">Q", length) + digest)


def stored(name: str, kind: str, data: bytes) -> dict[str, Any]:
    """What a ledger entry says of one object."""
    return {
        "name": name,
        "type": kind,
        "length": len(data),
        "sha256": sha256(data).hex(),
        "hmac": object_hmac(name, kind, len(data), sha256(data)).hex(),
        "version_id": None,
        "uploaded_at": AT,
        "verified_at": LATER,
        "verified_by": "read-back",
        "attempts": 1,
        "tls": TLS,
    }


def entry_members(
    sequence: int, previous: bytes | None, kind: str, objects: Sequence[Mapping[str, Any]], **changes: Any
) -> dict[str, Any]:
    return {
        "v": 1,
        "repository": REPOSITORY.hex(),
        "writer": WRITER.hex(),
        "sequence": sequence,
        "epoch": 1,
        "at": LATER,
        "kind": kind,
        "previous": sha256(previous).hex() if previous else "0" * 64,
        "heads": {},
        "objects": list(objects),
        "run": {
            "id": RUN.hex(),
            "entry": ENTRY.hex(),
            "generation": 1,
            "host": "files-1",
            "identity": "uid:0",
            "software": "proofkeep 0.1.0",
            "lock": sha256(b"lock").hex(),
            "orchestrator": None,
        },
        "session": None,
        **changes,
    }


def ledger_name(sequence: int, writer: bytes = WRITER) -> str:
    return f"ledger/{writer.hex()}/{sequence:08x}"


def chain(*entries: tuple[str, Sequence[Mapping[str, Any]]], **changes: Any) -> dict[str, bytes]:
    """Ledger entries of these kinds and objects, each on the one before."""
    result: dict[str, bytes] = {}
    previous = None
    writer = bytes.fromhex(changes.get("writer", WRITER.hex()))
    for sequence, (kind, objects) in enumerate(entries):
        previous = with_mac(entry_members(sequence, previous, kind, objects, **changes), LEDGER_KEY)
        result[ledger_name(sequence, writer)] = previous
    return result


def facts_members(**changes: Any) -> dict[str, Any]:
    totals = (
        "files",
        "directories",
        "other",
        "unchanged_files",
        "bytes",
        "new_bytes",
        "chunks",
        "new_chunks",
        "stored",
        "unread",
    )
    return {
        "complete": True,
        "entry": ENTRY,
        "run": RUN,
        "generation": 1,
        "expires_at": AT_NS + 90 * DAY_NS,
        "id_epoch": 1,
        "ledger": [WRITER, 0, bytes(32)],
        "packs": [[WRITER, KEY_ID, [0, 2]]],
        "source_at": AT_NS,
        "totals": dict.fromkeys(totals, 0),
        "withdraws": [],
        **changes,
    }


def roots_members(roots: Sequence[Any], **changes: Any) -> dict[str, Any]:
    source = {"host": "files-1", "label": "projects", "root": b"/srv/projects", "include": [], "exclude": []}
    return {"entry": ENTRY, "generation": 1, "roots": list(roots), "run": RUN, "source": source, **changes}


def record_name(run: bytes = RUN, generation: int = 1, entry: bytes = ENTRY, writer: bytes = WRITER) -> str:
    return f"snapshots/{entry.hex()}/{writer.hex()}/{run.hex()}.{generation:04x}"


def record(label: str, facts: Mapping[str, Any], roots: Mapping[str, Any]) -> bytes:
    """A snapshot record; both headers carry the facts' generation."""
    generation = facts["generation"]
    sealed = body(under_index_key(f"{label}/facts", FACTS, generation), pack(facts))
    where = replace(Object(f"{label}/roots", ROOTS, generation), key_id=KEY_ID, key=DATA_KEY)
    return struct.pack(">I", len(sealed)) + sealed + body(where, pack(roots))
