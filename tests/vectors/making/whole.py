"""A whole small repository (section 13): two runs' packs, index, ledger, wrapped key and one snapshot to restore."""

from collections.abc import Iterator
from typing import Any

from tests.vectors.making.encoding import fixed, zstd_of_zeros
from tests.vectors.making.indexes import index_name
from tests.vectors.making.ledgers import chain, facts_members, record, record_name, roots_members, stored
from tests.vectors.making.manifests import DIRECTORY, SYMLINK, Tree, continuation, root_of, row
from tests.vectors.making.sealing import SEGMENTS, ZSTD, Frame, Object, Pack, index_object
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import AT_NS, KEY_ID, RECIPIENT_KEY, WRITER, chunk_id, path_id, sha256, stores
from tests.vectors.making.wrapping import pem, wrap_p384, wrapped_object

TEXT, MORE, ZEROS = b"What is kept can be proven.\n", fixed("a file's content", 700), bytes(300_000)
LAST = fixed("an extent", 100)


def tree() -> tuple[Tree, list[Any]]:
    made = Tree()
    link = path_id(b"docs/a.txt")
    whole = row(b"docs/large", size=len(MORE) + len(ZEROS), chunks=chunk_id(MORE))
    text: dict[str, Any] = {"size": len(TEXT), "chunks": chunk_id(TEXT), "hardlink": link}
    sparse = row(b"holes", size=1_000_000, chunks=chunk_id(LAST), extents=[500_000, 60, 999_960, 40])
    leaves = [
        made.leaf([row(b"", DIRECTORY), row(b"docs", DIRECTORY, mode=0o750), row(b"docs/a.txt", **text)]),
        made.leaf([row(b"docs/again.txt", **text), row(b"docs/empty"), whole]),
        made.leaf(
            [
                continuation(b"docs/large", chunk_id(ZEROS)),
                row(b"hole", size=70_000),
                sparse,
                row(b"\xff\x01name", SYMLINK, mode=0o777, target=b"docs/a.txt"),
            ]
        ),
    ]
    return made, root_of(made.inner(1, leaves), 1)


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    made, root = tree()
    frames = [Frame([TEXT, MORE, LAST]), Frame([ZEROS], ZSTD, zstd_of_zeros(len(ZEROS)))]
    packs = [
        Pack(Object("repository/content", number=0), frames),
        Pack(Object("repository/segments", SEGMENTS, number=1), [Frame(list(made.segments.values()))]),
    ]
    objects = {pack.name: pack.object() for pack in packs}
    key_name, wrapped = wrapped_object(wrap_p384())
    index = index_object([pack.index_row() for pack in packs], label="repository/index")
    sent = [stored(name, "pack", data) for name, data in objects.items()] + [stored(key_name, "key", wrapped)]
    session = {"data_key": KEY_ID.hex(), "recipients": []}
    before = chain(("transfer", sent), ("index", [stored(index_name(), "index", index)]), session=session)
    newest = max(before)
    facts = facts_members(ledger=[WRITER, 1, sha256(before[newest])], packs=[[WRITER, KEY_ID, [0, 2]]])
    snapshot = record("repository/record", facts, roots_members([root]))
    entries = [
        ("transfer", sent),
        ("index", [stored(index_name(), "index", index)]),
        ("close", [stored(record_name(), "record", snapshot)]),
    ]
    ledger = chain(*entries, session=session)
    store = {**objects, key_name: wrapped, index_name(): index, record_name(): snapshot}
    inputs = {**stores(store, ledger), "private_key": pem(RECIPIENT_KEY), "snapshot": record_name()}
    yield Vector(
        "repository", 13, "restore", "Every kind of object but locks and retirements.", inputs, {"entries": restored()}
    )


def restored() -> list[dict[str, Any]]:
    """What lies in the target: path, kind, mode, modification time, and what it holds."""
    sparse = bytearray(1_000_000)
    sparse[500_000:500_060], sparse[999_960:] = LAST[:60], LAST[60:]
    files = {
        b"docs/a.txt": TEXT,
        b"docs/again.txt": TEXT,
        b"docs/empty": b"",
        b"docs/large": MORE + ZEROS,
        b"hole": bytes(70_000),
        b"holes": bytes(sparse),
    }
    found: list[dict[str, Any]] = [
        {"path": path, "kind": 0, "mode": 0o644, "sha256": sha256(data)} for path, data in files.items()
    ]
    found += [{"path": b"", "kind": 1, "mode": 0o755}, {"path": b"docs", "kind": 1, "mode": 0o750}]
    found.append({"path": b"\xff\x01name", "kind": 2, "target": b"docs/a.txt"})
    found = [{**entry, "mtime": AT_NS - 1} for entry in found]
    return sorted(found, key=lambda entry: entry["path"])
