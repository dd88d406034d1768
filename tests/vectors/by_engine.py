"""Each vector's function by the engine: inputs as written in, a result with bytes out, or an engine's error."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import groupby
from typing import Any

from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from proofkeep import canonical
from proofkeep.compression import decompress
from proofkeep.crypto import host_keys as keys
from proofkeep.crypto.kdf import derive
from proofkeep.crypto.sealing import SealingKey
from proofkeep.errors import AuthenticationError
from proofkeep.format import header as headers
from proofkeep.format import index, ledger_entry, manifest, names, pack, record, table
from proofkeep.format.body import open_body
from proofkeep.format.descriptor import open_epoch, peek_random
from proofkeep.format.header import FrameKind, ObjectType
from proofkeep.format.pack_set import decode_counters
from proofkeep.keys import enrolment
from proofkeep.keys.recipients import accept_private_key, accept_public_key, recipient_uri
from proofkeep.keys.wrapping import unwrap_with
from tests.vectors.engine_repository import REPOSITORY_FUNCTIONS
from tests.vectors.loading import data
from tests.vectors.secret import Secret

Inputs = Mapping[str, Any]
UNION: Any = list[int] | bytes


def host_keys(inputs: Inputs) -> Any:
    place = (data(inputs["epoch_secret"]), data(inputs["repository"]))
    epoch, ids = keys.derive_epoch_keys(*place, inputs["epoch"]), keys.derive_id_keys(*place, inputs["epoch"])
    return {
        "index": epoch.index,
        "ledger": epoch.ledger,
        "chunk_id": ids.chunk,
        "segment_id": ids.segment,
        "path_id": ids.path,
        "chunker_seed": ids.seed.to_bytes(8, "big"),
        "entry_id": keys.derive_entry_key(*place),
    }


def object_key(inputs: Inputs) -> Any:
    place, key_id, salt = (data(inputs[name]) for name in ("repository", "key_id", "salt"))
    object_key, commitment = headers._derive(data(inputs["key"]), ObjectType(inputs["type"]), place, key_id, salt)
    return {"object_key": object_key, "commitment": commitment}


def id_keys(chunk: bytes = b"", segment: bytes = b"", path: bytes = b"") -> keys.IdKeys:
    return keys.IdKeys(1, chunk, segment, path, 0)


def file_digest(inputs: Inputs) -> Any:
    place = (inputs["size"], inputs["extents"], data(inputs["chunks"]))
    return {"digest": id_keys(chunk=data(inputs["key"])).file_digest(*place)}


def epoch(inputs: Inputs) -> Any:
    body, place, number = data(inputs["object"]), data(inputs["repository"]), int(inputs["name"].split("/")[1], 16)
    secret = keys.epoch_secret(Secret(data(inputs["secret"])), place, number, peek_random(body, number))
    found = open_epoch(keys.derive_epoch_keys(secret, place, number).ledger, place, number, body)
    return {"id_epoch": found.id_epoch, "epoch_secret": secret}


def header(inputs: Inputs) -> Any:
    found = headers.decode(data(inputs["object"]), "vector")
    assert found.encode() == data(inputs["object"])
    return {
        name: getattr(found, name)
        for name in ("type", "repository", "writer", "key_id", "number", "salt", "commitment")
    }


def sealed_frame(inputs: Inputs) -> Any:
    raw = data(inputs["header"])
    found = headers.decode(raw, "vector")
    context = headers.Context(found, raw, sha256(raw).digest(), SealingKey(data(inputs["object_key"])))
    place = (FrameKind(inputs["kind"]), inputs["index"], inputs["plain_length"], inputs["codec"])
    packed = context.open(*place, data(inputs["sealed"]), "vector")
    plain = decompress(inputs["codec"], packed, inputs["plain_length"], "vector")
    return {"plain": plain, "associated_data": context.associated(*place)}


def open_pack(inputs: Inputs) -> Any:
    raw, name = data(inputs["object"]), names.parse_pack(inputs["name"])
    context = headers.open_context(data(inputs["data_key"]), raw, "vector")
    types = (ObjectType.CONTENT_PACK, ObjectType.SEGMENT_PACK)
    place = {"repository": data(inputs["repository"]), "writer": name.writer, "key_id": name.data_key}
    headers.expect(context.header, "vector", types=types, number=name.counter, **place)
    rows = pack.read_table(context, raw, "vector")
    plains = [
        pack.open_frame(context, frame, raw[frame.offset :][: frame.sealed_length], "vector") for frame in rows.frames
    ]
    chunks = [(chunk.id, plains[chunk.frame][chunk.offset :][: chunk.length]) for chunk in rows.chunks]
    content = context.header.type is ObjectType.CONTENT_PACK
    ids = id_keys(chunk=data(inputs["id_key"]), segment=data(inputs["id_key"]))
    for identity, plain in chunks:
        if (ids.chunk_id if content else ids.segment_id)(plain) != identity:
            raise AuthenticationError("vector holds a chunk under another id")
    return {"chunks": [{"id": identity, "content": plain} for identity, plain in chunks]}


def index_object(inputs: Inputs) -> Any:
    writer, number = names.parse_numbered(inputs["name"])
    key, place = data(inputs["index_key"]), data(inputs["repository"])
    found = index.open_index(key, place, writer, number, data(inputs["object"]))
    rows = [[r.writer, r.data_key, r.counter, r.header, r.size, r.retain_until, r.table] for r in found.packs]
    return {"packs": rows, "supersedes": found.supersedes}


def segment(inputs: Inputs) -> Any:
    plain = data(inputs["plain"])
    level = plain[1]
    rows = manifest.decode_segment(plain, level, "vector")
    assert manifest.encode_segment(level, rows) == plain
    return {"level": level, "rows": canonical.from_msgpack(canonical.to_msgpack(rows), list[list[Any]], "vector")}


def open_record(inputs: Inputs) -> Any:
    name, place, body = names.parse_snapshot(inputs["name"]), data(inputs["repository"]), data(inputs["object"])
    facts = record.open_facts(data(inputs["index_key"]), place, name, body)
    roots = record.open_roots(data(inputs["data_key"]), place, name, record.split_record(body, "vector")[1])
    as_maps = (canonical.from_msgpack(canonical.to_msgpack(half), dict[str, Any], "vector") for half in (facts, roots))
    return dict(zip(("facts", "roots"), as_maps, strict=True))


def pack_set(inputs: Inputs) -> Any:
    encoded = canonical.from_msgpack(data(inputs["set"]), UNION, "vector")
    counters = enumerate(decode_counters(encoded))
    runs = [[counter for _, counter in run] for _, run in groupby(counters, key=lambda pair: pair[1] - pair[0])]
    return {"runs": [[run[0], len(run)] for run in runs]}


def object_hmac(inputs: Inputs) -> Any:
    place = (data(inputs["repository"]), inputs["name"], inputs["type"], inputs["length"], data(inputs["sha256"]))
    return {"hmac": ledger_entry.object_hmac(data(inputs["ledger_key"]), *place)}


def recipients(inputs: Inputs) -> Any:
    loaded = {name: load_der_public_key(data(der)) for name, der in inputs["public_keys"].items()}
    return {"uris": {name: recipient_uri(accept_public_key(key)) for name, key in loaded.items()}}


def unwrap(inputs: Inputs) -> Any:
    key = accept_private_key(load_pem_private_key(inputs["private_key"].encode(), None))
    purpose = inputs["label"].encode()
    return {"key": unwrap_with(key, data(inputs["ciphertext"]), purpose=purpose, context=inputs["context"])}


def enrolment_grant(inputs: Inputs) -> Any:
    request = json.loads(data(inputs["request"]))
    return enrolment.grant_enrolment(request, bytes(32), confirmed_recipient=inputs["confirmed"])


FUNCTIONS: dict[str, Callable[[Inputs], Any]] = {
    "kdf": lambda i: {"output": derive(data(i["key"]), i["label"].encode(), data(i["context"]), i["bits"] // 8)},
    "epoch_secret": lambda i: {
        "epoch_secret": keys.epoch_secret(
            Secret(data(i["secret"])), data(i["repository"]), i["epoch"], data(i["random"])
        )
    },
    "host_keys": host_keys,
    "object_key": object_key,
    "chunk_id": lambda i: {"id": id_keys(chunk=data(i["key"])).chunk_id(data(i["content"]))},
    "segment_id": lambda i: {"id": id_keys(segment=data(i["key"])).segment_id(data(i["content"]))},
    "path_id": lambda i: {"id": id_keys(path=data(i["key"])).path_id(data(i["path"]))},
    "entry_id": lambda i: {"id": keys.HostKeys(b"", {}, 1, id_keys(), data(i["key"])).entry_id(i["entry"])},
    "file_digest": file_digest,
    "epoch": epoch,
    "header": header,
    "sealed_frame": sealed_frame,
    "body": lambda i: {"plain": open_body(data(i["key"]), data(i["object"]), "vector")[1]},
    "pack": open_pack,
    "table": lambda i: {"frames": len(table.decode_table(data(i["plain"]), "vector").frames)},
    "padded_sizes": lambda i: {"sizes": [pack.padded_size(length) for length in i["lengths"]]},
    "index_object": index_object,
    "segment": segment,
    "record": open_record,
    "pack_set": pack_set,
    "object_hmac": object_hmac,
    "recipients": recipients,
    "unwrap": unwrap,
    "enrolment_grant": enrolment_grant,
    **REPOSITORY_FUNCTIONS,
}
