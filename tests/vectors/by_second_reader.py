"""Each vector's function by the second reader: inputs as written in, a result with bytes out, or `Refused`."""

import struct
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from tests.vectors import second_reader as reader
from tests.vectors.loading import data, objects
from tests.vectors.restored import tree

Inputs = Mapping[str, Any]


def repository(inputs: Inputs) -> reader.Repository:
    unwrap = (
        reader.unwrap_with(reader.load_private_key(inputs["private_key"].encode())) if "private_key" in inputs else None
    )
    return reader.Repository(objects(inputs["store"]), objects(inputs["ledger"]), data(inputs["secret"]), unwrap)


def descriptor(inputs: Inputs) -> Any:
    return {"repository": repository(inputs).id}


def index_object(inputs: Inputs) -> Any:
    raw = data(inputs["object"])
    header = reader.parse_header(raw)
    _, writer, number = inputs["name"].split("/")
    owner, place = bytes.fromhex(writer), data(inputs["repository"])
    reader.check_place(header, (reader.INDEX,), repository=place, writer=owner, number=int(number, 16))
    packs, supersedes = reader.parse_index(reader.open_body(raw, data(inputs["index_key"])), place, owner)
    return {"packs": [index_row(pack) for pack in packs], "supersedes": supersedes}


def index_row(pack: reader.Pack) -> list[Any]:
    table = struct.pack(">I", len(pack.table.frames))
    for number, frame in enumerate(pack.table.frames):
        count = sum(chunk.frame == number for chunk in pack.table.chunks)
        table += struct.pack(">IIIB", frame.sealed_length, frame.plain_length, count, frame.codec)
    table += struct.pack(">I", len(pack.table.chunks))
    table += b"".join(chunk.id + struct.pack(">I", chunk.length) for chunk in pack.table.chunks)
    return [*pack[:3], pack.header.raw, pack.size, pack.retain_until, table]


def host_keys(inputs: Inputs) -> Any:
    secret, place = data(inputs["epoch_secret"]), data(inputs["repository"])
    return {name.replace("-", "_"): reader.host_key(secret, name, place, inputs["epoch"]) for name in reader.LABELS}


def object_key(inputs: Inputs) -> Any:
    place, key_id, salt = (data(inputs[name]) for name in ("repository", "key_id", "salt"))
    context = place + key_id + struct.pack(">H", inputs["type"]) + salt
    derived = reader.kdf(data(inputs["key"]), "proofkeep/v1/object", context, 512)
    header = reader.Header(inputs["type"], place, b"", key_id, 0, salt, derived[32:], b"")
    return {"object_key": reader.object_key(data(inputs["key"]), header), "commitment": derived[32:]}


def epoch(inputs: Inputs) -> Any:
    secret = reader.check_epoch(
        data(inputs["object"]), inputs["name"], data(inputs["repository"]), data(inputs["secret"])
    )
    return {"id_epoch": secret[1]["id_epoch"], "epoch_secret": secret[0]}


def header(inputs: Inputs) -> Any:
    found = reader.parse_header(data(inputs["object"]))._asdict()
    del found["raw"]
    return found


def sealed_frame(inputs: Inputs) -> Any:
    raw = data(inputs["header"])
    place = (inputs["kind"], inputs["index"], inputs["plain_length"], inputs["codec"])
    plain = reader.open_sealed(data(inputs["object_key"]), reader.parse_header(raw), *place, data(inputs["sealed"]))
    return {"plain": plain, "associated_data": reader.associated_data(raw, *place)}


def pack(inputs: Inputs) -> Any:
    raw = data(inputs["object"])
    _, writer, key_id, counter = inputs["name"].split("/")
    expected = {
        "repository": data(inputs["repository"]),
        "writer": bytes.fromhex(writer),
        "key_id": bytes.fromhex(key_id),
    }
    types = (reader.CONTENT, reader.SEGMENTS)
    reader.check_place(reader.parse_header(raw), types, **expected, number=int(counter, 16))
    chunks = reader.open_pack(raw, data(inputs["data_key"]), data(inputs["id_key"]))
    return {"chunks": [{"id": chunk.id, "content": content} for chunk, content in chunks]}


def segment(inputs: Inputs) -> Any:
    level, rows = reader.parse_segment(data(inputs["plain"]))
    return {"level": level, "rows": [list(row) for row in rows]}


def row_of(written: list[Any]) -> list[Any]:
    kinds = (
        reader.ENTRY if len(written) == len(reader.ENTRY) else ["bytes", "bytes", "count", "count", "count", "count"]
    )
    return [data(value) if kind == "bytes" else value for value, kind in zip(written, kinds, strict=True)]


def walk(inputs: Inputs) -> Any:
    segments = {bytes.fromhex(name): data(plain) for name, plain in inputs["segments"].items()}
    return {"entries": [list(entry) for entry in reader.walk(row_of(inputs["root"]), segments.__getitem__)]}


def content(inputs: Inputs) -> Any:
    entry = reader.check_entry(reader.Entry(*row_of(inputs["entry"])))
    reader.check_extents(entry)
    return {"extents": reader.placed(entry, inputs["lengths"])}


def record(inputs: Inputs) -> Any:
    place, index_key = data(inputs["repository"]), data(inputs["index_key"])
    found = reader.parse_record(inputs["name"], data(inputs["object"]), place, lambda _: index_key)
    return {"facts": found.facts, "roots": reader.open_roots(found, place, lambda _: data(inputs["data_key"]))}


def pack_set(inputs: Inputs) -> Any:
    merged: list[list[int]] = []
    for run in reader.pack_set(reader.unpack(data(inputs["set"]))):
        if merged and sum(merged[-1]) == run.start:
            merged[-1][1] += len(run)
        else:
            merged.append([run.start, len(run)])
    return {"runs": merged}


def offered(inputs: Inputs) -> Any:
    place, index_key = data(inputs["repository"]), data(inputs["index_key"])
    found = [
        reader.parse_record(name, body, place, lambda _: index_key) for name, body in objects(inputs["records"]).items()
    ]
    return {"records": [kept.name for kept in reader.offered(found)]}


def ledger(inputs: Inputs) -> Any:
    writer, key = data(inputs["writer"]), data(inputs["ledger_key"])
    chain = reader.read_chain(objects(inputs["entries"]), writer, data(inputs["repository"]), lambda _: key)
    for seen in (inputs["remembered"], inputs["record"]):
        if seen:
            reader.require_head(chain, *seen)
    freshness = "proven" if inputs["remembered"] else "not-provable"
    return {"head": [len(chain) - 1, chain[-1][0]], "freshness": freshness}


def object_hmac(inputs: Inputs) -> Any:
    place = (data(inputs["repository"]), inputs["name"], inputs["type"], inputs["length"], data(inputs["sha256"]))
    return {"hmac": reader.object_mac(data(inputs["ledger_key"]), *place)}


def retired(inputs: Inputs) -> Any:
    key = data(inputs["retention_key"]) if inputs["retention_key"] else None
    found, ignored = reader.retired_packs(objects(inputs["store"]), data(inputs["repository"]), key)
    packs = {(writer, data_key, c) for (writer, data_key), runs in found.items() for run in runs for c in run}
    return {"retired": [list(key) for key in sorted(packs)], "ignored": ignored}


def locks(inputs: Inputs) -> Any:
    known = repository(inputs)
    return {"until": {known.packs[key].name: until for key, until in known.locked_until().items()}}


def recipients(inputs: Inputs) -> Any:
    keys: dict[str, Any] = {n: serialization.load_der_public_key(data(der)) for n, der in inputs["public_keys"].items()}
    return {"uris": {name: reader.recipient_of(key) for name, key in keys.items()}}


def unwrap(inputs: Inputs) -> Any:
    key = reader.load_private_key(inputs["private_key"].encode())
    return {"key": reader.unwrap_local(key, inputs["label"], inputs["context"], data(inputs["ciphertext"]))}


def recover(inputs: Inputs) -> Any:
    key = reader.load_private_key(inputs["private_key"].encode())
    return {"secret": reader.recover(objects(inputs["store"]), objects(inputs["ledger"]), key)}


def restore(inputs: Inputs) -> Any:
    known = repository(inputs)
    (found,) = [kept for kept in reader.offered(known.records()) if kept.name == inputs["snapshot"]]
    with tempfile.TemporaryDirectory() as folder:
        left_out = reader.restore(known, found, Path(folder) / "target")
        assert not left_out
        return {"entries": tree(Path(folder) / "target")}


FUNCTIONS: dict[str, Callable[[Inputs], Any]] = {
    "kdf": lambda i: {"output": reader.kdf(data(i["key"]), i["label"], data(i["context"]), i["bits"])},
    "descriptor": descriptor,
    "epoch_secret": lambda i: {
        "epoch_secret": reader.epoch_secret(data(i["secret"]), data(i["repository"]), i["epoch"], data(i["random"]))
    },
    "host_keys": host_keys,
    "object_key": object_key,
    "chunk_id": lambda i: {"id": reader.mac(data(i["key"]), data(i["content"]))},
    "segment_id": lambda i: {"id": reader.mac(data(i["key"]), data(i["content"]))},
    "path_id": lambda i: {"id": reader.mac(data(i["key"]), data(i["path"]))[:16]},
    "entry_id": lambda i: {"id": reader.mac(data(i["key"]), i["entry"].encode())[:16]},
    "file_digest": lambda i: {"digest": reader.file_digest(data(i["key"]), i["size"], i["extents"], data(i["chunks"]))},
    "epoch": epoch,
    "header": header,
    "sealed_frame": sealed_frame,
    "body": lambda i: {"plain": reader.open_body(data(i["object"]), data(i["key"]))},
    "pack": pack,
    "table": lambda i: {"frames": len(reader.parse_table(data(i["plain"])).frames)},
    "padded_sizes": lambda i: {"sizes": [reader.padded_size(length) for length in i["lengths"]]},
    "index_object": index_object,
    "catalog": lambda i: {"packs": sorted(pack.name for pack in repository(i).packs.values())},
    "segment": segment,
    "walk": walk,
    "content": content,
    "record": record,
    "pack_set": pack_set,
    "offered": offered,
    "ledger": ledger,
    "object_hmac": object_hmac,
    "retired": retired,
    "locks": locks,
    "recipients": recipients,
    "unwrap": unwrap,
    "data_key": lambda i: {"key": repository(i).data_key(data(i["writer"]), data(i["data_key"]))},
    "recover": recover,
    "restore": restore,
}

NOT_A_READERS = {"kms_request", "enrolment_grant", "enrolment_open"}
"""What only a host with a key service, or one that enrols another, does: the engine alone answers these."""
