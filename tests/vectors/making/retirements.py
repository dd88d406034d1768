"""Vectors of section 12: retired and lifted packs, and later lock dates."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.vectors.making.encoding import canonical, fixed, pack
from tests.vectors.making.indexes import ROWS, index_name
from tests.vectors.making.ledgers import chain, stored
from tests.vectors.making.packs import PLAIN, TWO_FRAMES
from tests.vectors.making.sealing import LOCKS, body, index_object, under_index_key
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import (
    AT,
    AT_NS,
    DAY_NS,
    KEY_ID,
    LATER,
    REPOSITORY,
    RETENTION_KEY,
    RETENTION_PUBLIC,
    WRITER,
    stores,
)

FIRST, SECOND = fixed("retirement 1", 16), fixed("retirement 2", 16)


def retirement(ident: bytes, kind: str, runs: Sequence[Sequence[int]], at: str = AT) -> bytes:
    members: dict[str, Any] = {
        "v": 1,
        "repository": REPOSITORY.hex(),
        "id": ident.hex(),
        "kind": kind,
        "packs": [[WRITER.hex(), KEY_ID.hex(), *runs]],
        "reason": "no record names them",
        "at": at,
        "approvals": ["retention-1", "retention-2"],
    }
    algorithm = ec.ECDSA(hashes.SHA384(), deterministic_signing=True)
    signature = RETENTION_KEY.sign(canonical(members), algorithm)
    return canonical({**members, "signature": signature.hex()})


def vector(
    name: str, comment: str, objects: dict[str, bytes], retired: Sequence[int], ignored: Sequence[str] = ()
) -> Vector:
    inputs = {"repository": REPOSITORY, "retention_key": RETENTION_PUBLIC, "store": objects}
    packs = [[WRITER, KEY_ID, counter] for counter in retired]
    return Vector(name, 12, "retired", comment, inputs, {"retired": packs, "ignored": list(ignored)})


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    first, second = f"retired/{FIRST.hex()}", f"retired/{SECOND.hex()}"
    good = retirement(FIRST, "retired", [[0, 3], [7, 1]])
    yield vector("retired", "Packs 0 to 2, and 7.", {first: good}, [0, 1, 2, 7])
    again = retirement(SECOND, "retired", [[2, 1]])
    lifted = {first: good, f"{first}.lifted": retirement(FIRST, "lifted", [[1, 2]]), second: again}
    yield vector(
        "retired_lifted", "1 and 2 are lifted from one retirement; 2 is retired by another too.", lifted, [0, 2, 7]
    )
    bad = again.replace(AT.encode(), LATER.encode())
    yield vector(
        "retired_bad_signature",
        "Another instant in the second than its signature covers.",
        {first: good, second: bad},
        [0, 1, 2, 7],
        [second],
    )
    newer = again.replace(b'"v":1', b'"v":2')
    yield vector(
        "retired_other_version",
        "The second is of a version that a repository of version 1 cannot hold.",
        {first: good, second: newer},
        [0, 1, 2, 7],
        [second],
    )
    keyless = vector(
        "retired_without_key", "A good retirement; the descriptor has no retention key.", {first: good}, [], [first]
    )
    yield replace(keyless, inputs={**keyless.inputs, "retention_key": None})
    index = index_object(ROWS)
    later = AT_NS + 60 * DAY_NS
    locks = [
        body(under_index_key("locks/0", LOCKS, 0), pack({"packs": [[WRITER, KEY_ID, [0, 2]]], "until": later})),
        body(
            under_index_key("locks/1", LOCKS, 1),
            pack({"packs": [[WRITER, KEY_ID, [1, 1]]], "until": AT_NS + 10 * DAY_NS}),
        ),
    ]
    objects = {index_name(): index} | {f"locks/{WRITER.hex()}/{n:08x}": data for n, data in enumerate(locks)}
    inputs = stores(objects, chain(("index", [stored(index_name(), "index", index)])))
    comment = "Index: pack 0 unlocked, pack 1 for 30 days; locks: both for 60 days, then pack 1 for 10."
    yield Vector("locks", 12, "locks", comment, inputs, {"until": {PLAIN.name: later, TWO_FRAMES.name: later}})
