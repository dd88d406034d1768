"""Vectors of sections 1 to 4: encodings, descriptor, epochs, host keys and keyed ids."""

import struct
from collections.abc import Iterator
from typing import Any

from tests.vectors.making.encoding import fixed, kdf, mac, pack, with_mac
from tests.vectors.making.sealing import INDEX, Frame, Object, Pack, body, under_index_key
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import (
    AT,
    CHUNK_ID_KEY,
    DATA_KEY,
    DESCRIPTOR,
    ENTRY,
    ENTRY_NAME,
    EPOCH_OBJECT,
    EPOCH_RANDOM,
    EPOCH_SECRET,
    INDEX_KEY,
    KEY_ID,
    KEYS,
    LATER,
    LEDGER_KEY,
    PATH_ID_KEY,
    REPOSITORY,
    SECRET,
    SEGMENT_ID_KEY,
    WRITER,
    chunk_id,
    descriptor_members,
    path_id,
    segment_id,
    stores,
)

INDEX_NAME = f"index/{WRITER.hex()}/00000000"
PACK_ROW = Pack(Object("a pack in an index", number=7), [Frame([b"indexed"])]).index_row()


def descriptor(name: str, section: int, comment: str, inputs: dict[str, Any], expect: str = "ok") -> Vector:
    result = {"repository": REPOSITORY} if expect == "ok" else None
    return Vector(name, section, "descriptor", comment, inputs, result, expect)


def descriptors() -> Iterator[Vector]:
    yield descriptor("descriptor", 3, "A descriptor, its copy in the ledger store, and epoch 1.", stores())
    loose = DESCRIPTOR.replace(b',"created_at"', b', "created_at"')
    yield descriptor(
        "json_not_canonical",
        1,
        "One blank; the MAC, over canonical JSON, holds.",
        stores(descriptor=loose),
        "malformed",
    )
    more = with_mac({**descriptor_members(), "zone": {"b": [1, None], "c": "\u00e9"}}, LEDGER_KEY)
    yield descriptor(
        "json_unknown_member",
        1,
        "An unknown member is covered by the MAC and otherwise ignored.",
        stores(descriptor=more),
    )
    second = with_mac({**descriptor_members(), "v": 2}, LEDGER_KEY)
    yield descriptor(
        "descriptor_version_2", 1, "Version 2; the MAC holds.", stores(descriptor=second), "version-unsupported"
    )
    bad = DESCRIPTOR.replace(b'"lock_days":null', b'"lock_days":30')
    yield descriptor(
        "descriptor_bad_mac",
        3,
        "Another lock_days than the MAC covers, in both copies.",
        stores(descriptor=bad),
        "authentication",
    )
    other = stores()
    other["ledger"]["repository"] = with_mac({**descriptor_members(), "created_at": LATER}, LEDGER_KEY)
    yield descriptor("descriptor_copies_differ", 3, "Two descriptors whose MACs hold.", other, "ledger-mismatch")


def message_pack(name: str, comment: str, plain: bytes, expect: str = "malformed") -> Vector:
    sealed = body(under_index_key(name, INDEX), plain)
    inputs = {"name": INDEX_NAME, "repository": REPOSITORY, "index_key": INDEX_KEY, "object": sealed}
    result = {"packs": [PACK_ROW], "supersedes": []} if expect == "ok" else None
    return Vector(name, 1, "index_object", comment, inputs, result, expect)


def message_packs() -> Iterator[Vector]:
    packs, none = pack("packs") + pack([PACK_ROW]), pack("supersedes") + pack([])
    good = b"\x82" + packs + none
    yield message_pack("msgpack_trailing_bytes", "A nil behind the index's map.", good + b"\xc0")
    yield message_pack(
        "msgpack_unknown_key",
        "One more key, with nested values.",
        b"\x83" + packs + none + pack("zone") + pack({"a": [1]}),
        "ok",
    )
    longer = pack({"packs": [[*PACK_ROW, "later"]], "supersedes": []})
    yield message_pack("msgpack_longer_array", "A pack row with one more element.", longer, "ok")
    row = pack(PACK_ROW)
    double = row.replace(KEY_ID + b"\x07", KEY_ID + b"\xcb" + struct.pack(">d", 7.0), 1)
    yield message_pack(
        "msgpack_other_type", "The counter 7 as a float.", b"\x82" + pack("packs") + b"\x91" + double + none
    )

    longer_form = row.replace(KEY_ID + b"\x07", KEY_ID + b"\xcc\x07", 1)
    yield message_pack(
        "msgpack_longer_form", "The counter 7 in two bytes.", b"\x82" + pack("packs") + b"\x91" + longer_form + none
    )
    yield message_pack("msgpack_keys_out_of_order", "supersedes before packs.", b"\x82" + none + packs)
    twice = b"\x83" + packs + pack("packs") + pack([]) + none
    yield message_pack("msgpack_key_twice", "packs twice, the second one empty.", twice)


def keys() -> Iterator[Vector]:
    key, label, context = fixed("kdf key", 32), "proofkeep/v1/example", fixed("kdf context", 20)
    kdf_inputs = {"key": key, "label": label, "context": context, "bits": 512}
    output = kdf(key, label, context, 512)
    yield Vector("kdf", 1, "kdf", "Two HMAC blocks.", kdf_inputs, {"output": output})
    where = {"repository": REPOSITORY, "epoch": 1}
    inputs = {"secret": SECRET, **where, "random": EPOCH_RANDOM}
    yield Vector(
        "epoch_secret", 4, "epoch_secret", "E(1) from a host secret in a file.", inputs, {"epoch_secret": EPOCH_SECRET}
    )
    named = {name.replace("-", "_"): key for name, key in KEYS.items()}
    yield Vector(
        "host_keys",
        4,
        "host_keys",
        "All keys of epoch 1, which names itself.",
        {"epoch_secret": EPOCH_SECRET, **where},
        named,
    )
    example = Object("object key")
    inputs = {"key": DATA_KEY, "repository": REPOSITORY, "key_id": KEY_ID, "type": 1, "salt": example.salt}
    result = {"object_key": example.derived[:32], "commitment": example.derived[32:]}
    yield Vector("object_key", 4, "object_key", "A content pack's key and commitment.", inputs, result)
    content = fixed("content", 64)
    yield Vector("chunk_id", 4, "chunk_id", "", {"key": CHUNK_ID_KEY, "content": content}, {"id": chunk_id(content)})
    yield Vector(
        "segment_id", 4, "segment_id", "", {"key": SEGMENT_ID_KEY, "content": content}, {"id": segment_id(content)}
    )
    path = "a/\u00fc/name".encode() + b"\xff"
    yield Vector(
        "path_id", 4, "path_id", "A path that is no UTF-8.", {"key": PATH_ID_KEY, "path": path}, {"id": path_id(path)}
    )
    entry_inputs = {"key": KEYS["entry-id"], "entry": ENTRY_NAME}
    yield Vector(
        "entry_id", 2, "entry_id", "The object name's part for an inventory entry.", entry_inputs, {"id": ENTRY}
    )
    ids = chunk_id(b"one") + chunk_id(b"two")
    digest = mac(CHUNK_ID_KEY, b"file\0" + struct.pack(">QI4Q", 8192, 2, 0, 3, 4096, 3) + ids)
    file_inputs = {"key": CHUNK_ID_KEY, "size": 8192, "extents": [0, 3, 4096, 3], "chunks": ids}
    yield Vector("file_digest", 4, "file_digest", "A sparse file with two extents.", file_inputs, {"digest": digest})


def epochs() -> Iterator[Vector]:
    inputs = {"name": "epochs/00000001", "repository": REPOSITORY, "secret": SECRET, "object": EPOCH_OBJECT}
    yield Vector("epoch", 4, "epoch", "", inputs, {"id_epoch": 1, "epoch_secret": EPOCH_SECRET})
    bad = EPOCH_OBJECT.replace(AT.encode(), LATER.encode())
    yield Vector(
        "epoch_bad_mac",
        4,
        "epoch",
        "Another created_at than the MAC covers.",
        {**inputs, "object": bad},
        None,
        "authentication",
    )


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    yield from descriptors()
    yield from message_packs()
    yield from keys()
    yield from epochs()
